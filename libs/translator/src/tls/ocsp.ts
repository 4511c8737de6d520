import type { Lookup } from '../types.js';

/** Of no published kind: what a responder said of a certificate, kept for SEs. */
export const OCSP_RESPONSE_KIND = 'ocspresponse';

export const ocspResponseOf = (certificateUuid: string): string => `${OCSP_RESPONSE_KIND}-${certificateUuid}`;

export interface OcspResponse {
  readonly certificate_uuid: string;
  /** SHA-256 of the certificate that was asked about. */
  readonly fingerprint: string;
  /** DER in base64. */
  readonly response: string;
  readonly status: 'good' | 'revoked' | 'unknown';
  /** When it is to be asked for again, and from when it may not be shown any more; ISO 8601. */
  readonly refresh_at: string;
  readonly expires_at: string;
}

/** The response to staple: one about this very certificate that says it is good. */
export function stapleOf(uuid: string, fingerprint: string, lookup: Lookup): string | undefined {
  const held = lookup.get(ocspResponseOf(uuid))?.spec as OcspResponse | undefined;
  return held?.fingerprint === fingerprint && held.status === 'good' ? held.response : undefined;
}
