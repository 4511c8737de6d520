import { createHash, X509Certificate } from 'node:crypto';
import { DerError, element, elements, TAG, type Element } from './der.js';

const SHA1 = element(TAG.SEQUENCE, element(TAG.OID, Buffer.from('2b0e03021a', 'hex')), element(TAG.NULL));
const BASIC = Buffer.from('2b0601050507300101', 'hex');
const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest();

/** What a responder says of a certificate, as far as it decides about stapling. */
export interface OcspAnswer {
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly thisUpdate: Date;
  /** From then on it says nothing any more; undefined: newer information is there at any time. */
  readonly nextUpdate: Date | undefined;
}

/** How OCSP names a certificate (RFC 6960 section 4.1.1). SHA-1 is what every responder knows; it guards nothing here. */
function certId(certificate: X509Certificate, issuer: X509Certificate): Buffer {
  const { serial } = fieldsOf(certificate);
  const { subject, publicKey } = fieldsOf(issuer);
  return element(
    TAG.SEQUENCE,
    SHA1,
    element(TAG.OCTET_STRING, sha1(subject)),
    element(TAG.OCTET_STRING, sha1(publicKey)),
    serial,
  );
}

/** Asks for one certificate. */
export const ocspRequest = (certificate: X509Certificate, issuer: X509Certificate): Buffer =>
  [1, 2, 3, 4].reduce((inner) => element(TAG.SEQUENCE, inner), certId(certificate, issuer));

/** Reads a response to that. Throws `DerError`, also for a responder's error and for an answer about something else. */
export function ocspAnswer(bytes: Buffer, certificate: X509Certificate): OcspAnswer {
  const [status, body] = inside(elements(bytes)[0]);
  if (status?.content[0] !== 0)
    throw new DerError(`the responder answered with status ${status?.content[0] ?? '?'}`);
  const [type, octets] = inside(inside(body)[0]);
  if (type === undefined || !type.content.equals(BASIC)) throw new DerError('not a basic response');
  const data = inside(inside(elements(octets?.content ?? Buffer.alloc(0))[0])[0]);
  const serial = fieldsOf(certificate).serial;
  // Version and responder stand before the list, producedAt right before it: the list is the first SEQUENCE after those.
  const list = data.findLast((e) => e.tag === TAG.SEQUENCE);
  for (const single of inside(list).map(inside)) {
    const [id, said, from, until] = single;
    if (id === undefined || said === undefined || from === undefined) throw new DerError('a part is missing');
    if (!inside(id)[3]?.whole.equals(serial)) continue;
    return {
      status: (['good', 'revoked', 'unknown'] as const)[said.tag & 3] ?? 'unknown',
      thisUpdate: time(from.content),
      nextUpdate: until?.tag === 0xa0 ? time(inside(until)[0]?.content ?? Buffer.alloc(0)) : undefined,
    };
  }
  throw new DerError('the response is about another certificate');
}

const inside = (e: Element | undefined): Element[] => (e === undefined ? [] : elements(e.content));

/** Serial number (whole), subject (whole) and the bits of the public key (RFC 5280 section 4.1). */
function fieldsOf(certificate: X509Certificate): { serial: Buffer; subject: Buffer; publicKey: Buffer } {
  const fields = inside(inside(elements(certificate.raw)[0])[0]).filter((e) => e.tag !== 0xa0);
  const [serial, , , , subject, key] = fields;
  const bits = inside(key)[1];
  if (serial === undefined || subject === undefined || bits === undefined)
    throw new DerError('not a certificate');
  return { serial: serial.whole, subject: subject.whole, publicKey: bits.content.subarray(1) };
}

/** `20261122041500Z` */
function time(content: Buffer): Date {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(content.toString('latin1'));
  if (match === null) throw new DerError('a time that is none');
  const [, y, mo, d, h, mi, s] = match.map(Number) as [number, ...number[]];
  return new Date(Date.UTC(y!, mo! - 1, d, h, mi, s));
}
