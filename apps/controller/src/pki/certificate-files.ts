import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Issue, Issued } from './x509.js';

export interface KeyAndCertificate {
  certificatePem: string;
  keyPem: string;
  notAfter: Date;
}

/** A certificate is renewed when two thirds of its life are over. */
export const RENEW_AT = 2 / 3;

export function renewalDue(notBefore: Date, notAfter: Date, now: number): boolean {
  return now >= notBefore.getTime() + (notAfter.getTime() - notBefore.getTime()) * RENEW_AT;
}

/**
 * A key and its certificate that live in two files (key mode 600). What is there is used as long as it was issued by
 * this authority for these names and is not due for renewal, so that a second start makes nothing.
 */
export async function keptCertificate(
  files: { certificate: string; key: string },
  caPem: string,
  what: Omit<Issue, 'publicKey'>,
  issue: (what: Issue) => Promise<Issued>,
): Promise<KeyAndCertificate> {
  const kept = read(files);
  if (kept !== undefined && usable(kept, caPem, what)) return kept;
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyPem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const issued = await issue({ ...what, publicKey: pair.publicKey });
  replaceFile(files.key, keyPem, 0o600);
  replaceFile(files.certificate, issued.certificatePem, 0o644);
  return { certificatePem: issued.certificatePem, keyPem, notAfter: issued.notAfter };
}

/** Written beside and renamed over, so that a reader sees the old or the new file and never half of one. */
export function replaceFile(file: string, text: string, mode: number): void {
  const fresh = `${file}.${process.pid}.new`;
  writeFileSync(fresh, text, { mode });
  renameSync(fresh, file);
}

function read(files: { certificate: string; key: string }): KeyAndCertificate | undefined {
  try {
    const certificatePem = readFileSync(files.certificate, 'utf8');
    const keyPem = readFileSync(files.key, 'utf8');
    const parsed = new X509Certificate(certificatePem);
    if (!parsed.checkPrivateKey(createPrivateKey(keyPem))) return undefined;
    return { certificatePem, keyPem, notAfter: parsed.validToDate };
  } catch {
    // Missing or damaged files are made anew; nothing else depends on them.
    return undefined;
  }
}

function usable(kept: KeyAndCertificate, caPem: string, what: Omit<Issue, 'publicKey'>): boolean {
  const leaf = new X509Certificate(kept.certificatePem);
  const ca = new X509Certificate(caPem);
  return (
    leaf.checkIssued(ca) &&
    leaf.verify(ca.publicKey) &&
    !renewalDue(leaf.validFromDate, leaf.validToDate, Date.now()) &&
    (what.names.dns ?? []).every((n) => leaf.checkHost(n) !== undefined) &&
    (what.names.ip ?? []).every((n) => leaf.checkIP(n) !== undefined)
  );
}
