import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DerError } from './der.js';
import { ocspAnswer, ocspRequest } from './message.js';

let dir: string;
const at = (name: string): string => path.join(dir, name);
const openssl = (...args: string[]): string =>
  execFileSync('openssl', args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const read = (name: string): X509Certificate => new X509Certificate(readFileSync(at(name)));

/** OpenSSL's own responder answers `request.der`; `V` or `R` stands in its list. */
function respond(state: 'V' | 'R'): Buffer {
  const serial = read('leaf.pem').serialNumber;
  const revoked = state === 'R' ? '261101000000Z' : '';
  writeFileSync(at('index'), `${state}\t361101000000Z\t${revoked}\t${serial}\tunknown\t/CN=leaf.example\n`);
  const signer = ['-index', 'index', '-CA', 'ca.pem', '-rsigner', 'ca.pem', '-rkey', 'ca.key'];
  openssl('ocsp', ...signer, '-reqin', 'request.der', '-respout', 'response.der', '-ndays', '7');
  return readFileSync(at('response.der'));
}

beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'spillway-ocsp-'));
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...ec,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=ca/O=Test',
    '-days',
    '30',
  );
  openssl('req', ...ec, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=leaf.example');
  const sign = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30'];
  openssl('x509', '-req', '-in', 'leaf.csr', ...sign, '-out', 'leaf.pem');
  writeFileSync(at('request.der'), ocspRequest(read('leaf.pem'), read('ca.pem')));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('OCSP', () => {
  it('asks as OpenSSL does', () => {
    openssl('ocsp', '-issuer', 'ca.pem', '-cert', 'leaf.pem', '-no_nonce', '-reqout', 'theirs.der');
    expect(readFileSync(at('request.der')).equals(readFileSync(at('theirs.der')))).toBe(true);
  });

  it('understands what OpenSSL answers', () => {
    const good = ocspAnswer(respond('V'), read('leaf.pem'));
    expect(good.status).toBe('good');
    expect(good.nextUpdate!.getTime() - good.thisUpdate.getTime()).toBe(7 * 86_400_000);
    expect(ocspAnswer(respond('R'), read('leaf.pem')).status).toBe('revoked');
  });

  it('takes no answer about something else, no error, and no part of an answer', () => {
    const response = respond('V');
    expect(() => ocspAnswer(response, read('ca.pem'))).toThrow(/another certificate/);
    expect(() => ocspAnswer(Buffer.from('30030a0106', 'hex'), read('leaf.pem'))).toThrow(/status 6/);
    for (let n = 0; n < response.length; n++)
      expect(() => ocspAnswer(response.subarray(0, n), read('leaf.pem'))).toThrow(DerError);
    for (let n = 0; n < response.length; n++) {
      const changed = Buffer.from(response);
      changed[n]! ^= 0x40;
      try {
        ocspAnswer(changed, read('leaf.pem'));
      } catch (error) {
        expect(error).toBeInstanceOf(DerError);
      }
    }
  });
});
