import { X509Certificate } from 'node:crypto';
import type { Pointer } from './ffi.js';
import { cString } from './libssl.js';
import type { Wire } from './wire.js';

/** What is wrong with the certificate of a server. */
export interface CertificateProblem {
  /** As the published API names it in `ssl_error_code`. */
  readonly code: string;
  /** Names the certificate, and what decides: a date, a name, an issuer. */
  readonly text: string;
}

/** One certificate of the chain that was built, its own first. */
interface Link {
  readonly subject: string;
  readonly issuer: string;
  readonly names: string;
  readonly from: string;
  readonly to: string;
}

/** Characters of one name that are told. */
const MOST_NAME = 200;

/** @param expects the names that were expected */
type Says = (chain: readonly Link[], now: string, expects: string) => string;

const leaf = (chain: readonly Link[]): string =>
  chain[0] === undefined ? 'the certificate' : named(chain[0]);
const named = ({ subject }: Link): string => `certificate ${subject}`;
const issuerOf = (chain: readonly Link[]): string => chain.at(-1)?.issuer ?? 'unknown';

/** The first of the chain whose time has not come or is over. */
function untimely(chain: readonly Link[], is: (link: Link) => boolean, says: (link: Link) => string): string {
  const found = chain.find(is);
  return found === undefined ? leaf(chain) : `${named(found)} ${says(found)}`;
}

const EXPIRED: Says = (chain, now) =>
  untimely(
    chain,
    (c) => c.to < now,
    (c) => `has expired on ${c.to}`,
  );
const EARLY: Says = (chain, now) =>
  untimely(
    chain,
    (c) => c.from > now,
    (c) => `is not valid before ${c.from}`,
  );
const CHAINING: Says = (chain) =>
  `${leaf(chain)} leads to ${issuerOf(chain)}, which the PKI profile does not trust`;
const SELF_SIGNED: Says = (chain) =>
  `${chain.length > 1 ? `${leaf(chain)} leads to the self-signed ${issuerOf(chain)}` : `${leaf(chain)} is self-signed`}, which the PKI profile does not trust`;
const OTHER_NAME: Says = (chain, _now, expects) =>
  `${leaf(chain)} is for ${chain[0]?.names || 'no name'}, not for ${expects}`;

/** Results of a verification (X509_V_ERR_…) as OpenSSL numbers them. */
const RESULTS: Readonly<Record<number, readonly [code: string, says: Says]>> = {
  2: ['CHAINING_ERROR', CHAINING],
  3: ['CRL_NOT_PRESENT', (chain) => `no revocation list of the PKI profile tells of ${leaf(chain)}`],
  9: ['NOT_YET_VALID', EARLY],
  10: ['EXPIRED', EXPIRED],
  11: ['CRL_NOT_YET_VALID', (chain) => `the revocation list for ${leaf(chain)} is not valid yet`],
  12: ['CRL_EXPIRED', (chain) => `the revocation list for ${leaf(chain)} has expired`],
  18: ['CHAINING_ERROR', SELF_SIGNED],
  19: ['CHAINING_ERROR', SELF_SIGNED],
  20: ['CHAINING_ERROR', CHAINING],
  21: ['CHAINING_ERROR', CHAINING],
  23: ['REVOKED', (chain) => `${leaf(chain)} has been revoked by ${chain[0]?.issuer ?? 'its issuer'}`],
  24: ['INVALID_CA', (chain) => `${leaf(chain)} was issued by ${issuerOf(chain)}, which may not issue any`],
  62: ['HOSTNAME_ERROR', OTHER_NAME],
  64: ['HOSTNAME_ERROR', OTHER_NAME],
};

/** Why the library did not accept a server's certificate; null when that was not the trouble. */
export function certificateProblem(wire: Wire, ssl: Pointer, expects: string): CertificateProblem | null {
  const { lib, library } = wire;
  const result = lib.SSL_get_verify_result(ssl);
  if (result === 0) return null;
  const chain = linksOf(wire, ssl);
  const known = RESULTS[result];
  const says =
    known?.[1](chain, new Date().toISOString(), expects) ??
    `${leaf(chain)}: ${cString(library.foreign, lib.X509_verify_cert_error_string(result))}`;
  return { code: `ADF_X509_SERVER_CERTIFICATE_${known?.[0] ?? 'VERIFICATION_FAILED'}`, text: says };
}

function linksOf(wire: Wire, ssl: Pointer): Link[] {
  const { lib } = wire;
  const stack = lib.SSL_get0_verified_chain(ssl);
  const links: Link[] = [];
  const length = stack ? lib.OPENSSL_sk_num(stack) : 0;
  for (let i = 0; i < length; i++) {
    try {
      links.push(linkOf(new X509Certificate(wire.der(lib.OPENSSL_sk_value(stack, i)))));
    } catch {
      break; // what the library took and this parser does not is named by the others
    }
  }
  return links;
}

const linkOf = (x: X509Certificate): Link => ({
  subject: oneLine(x.subject),
  issuer: oneLine(x.issuer),
  names: oneLine(x.subjectAltName?.replaceAll('DNS:', '') ?? commonName(x.subject)),
  from: isoTime(x.validFrom),
  to: isoTime(x.validTo),
});

/** What a server writes into its certificate, bounded and on one line. */
const oneLine = (name: string | undefined): string =>
  (name ?? '').split('\n').join(', ').replaceAll(/\p{C}/gu, '?').slice(0, MOST_NAME) || 'without a subject';
const commonName = (subject: string | undefined): string => /^CN=(.*)$/m.exec(subject ?? '')?.[1] ?? '';
const isoTime = (text: string): string => {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
};
