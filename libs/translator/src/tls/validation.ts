import type { FilledPKIProfile } from '@spillway/model';
import type { PeerValidation } from '@spillway/snapshot';

/** By what a PKI profile validates; text says why it cannot. */
export function validationOf(spec: FilledPKIProfile): PeerValidation | string {
  const trusted = (spec.ca_certs ?? []).flatMap(({ certificate }) => (certificate ? [certificate] : []));
  if (trusted.length === 0) return 'has no ca_certs: nobody could be validated by it';
  const lists = spec.crl_check ? (spec.crls ?? []) : [];
  const crls = lists.flatMap(({ body }) => (body?.includes('BEGIN X509 CRL') ? [body] : []));
  if (crls.length < lists.length)
    return 'has a crl without a body in PEM: revocation lists are not fetched by their URL yet';
  return { trusted, crls, leaf_crl_only: spec.validate_only_leaf_crl };
}
