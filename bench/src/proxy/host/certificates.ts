import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '@spillway/testing';

/** ECDSA P-256 certificates for two names, so that SNI has something to choose from, and a CA for clients. */
export interface Certificates {
  names: readonly { name: string; certificate: string; key: string }[];
  /** Directory with certificate and key of each name in one file. */
  bundles: string;
  ca: string;
}

export const SERVER_NAME = 'bench.example';
export const SERVER_NAMES = [SERVER_NAME, 'other.example'];

export async function makeCertificates(dir: string): Promise<Certificates> {
  const bundles = join(dir, 'bundles');
  mkdirSync(bundles);
  const names = [];
  for (const name of [...SERVER_NAMES, 'ca.example']) {
    const certificate = join(dir, `${name}.crt`);
    const key = join(dir, `${name}.key`);
    const kind = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'.split(' ');
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
    await run('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', certificate]);
    names.push({ name, certificate, key });
  }
  const ca = names.pop()!.certificate;
  for (const { name, certificate, key } of names)
    writeFileSync(
      join(bundles, `${name}.pem`),
      readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'),
    );
  return { names, bundles, ca };
}
