import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const bad = (code: string, text: string): string =>
  `SSL_CERT_ERROR ADF_X509_SERVER_CERTIFICATE_${code} ${text}`;
const otherName = (name: string): string =>
  bad('HOSTNAME_ERROR', `certificate CN=shop.example is for shop.example, not for ${name}`);
const untrusted = (text: string): string =>
  bad('CHAINING_ERROR', `certificate ${text}, which the PKI profile does not trust`);

const EXPECTED = {
  'any certificate is accepted': 'up',
  'a good one': 'up',
  'a good one, the pool validates': 'up',
  expired: bad('EXPIRED', 'certificate CN=old.example has expired on 2020-01-02T03:04:05.000Z'),
  'not valid yet': bad(
    'NOT_YET_VALID',
    'certificate CN=early.example is not valid before 2090-01-02T03:04:05.000Z',
  ),
  'unknown issuer': untrusted('CN=foreign.example leads to CN=stranger'),
  'self-signed': untrusted('CN=alone.example is self-signed'),
  'chain with its middle': 'up',
  'chain without its middle': untrusted('CN=behind.example leads to CN=middle'),
  'its own validation goes before that of the pool': 'up',
  revoked: bad('REVOKED', 'certificate CN=gone.example has been revoked by CN=ca'),
  'not revoked': 'up',
  'no list for it': bad(
    'CRL_NOT_PRESENT',
    'no revocation list of the PKI profile tells of certificate CN=foreign.example',
  ),
  'list has expired': bad('CRL_EXPIRED', 'the revocation list for certificate CN=shop.example has expired'),
  'right name': 'up',
  'wrong name': otherName('bank.example'),
  'no name': otherName('a name (none is known: set server_name)'),
  'name of the request': 'up',
  'name of the pool': 'up',
  'name of the monitor': otherName('bank.example'),
  'client certificate of the pool': 'up',
  'client certificate of the monitor': 'up',
  'no session is resumed': 'up',
  'no client certificate': 'SSL_ERROR',
  'no version in common': 'SSL_ERROR',
  'contexts left': '0',
};

describe('monitors over TLS', () => {
  it.each([
    ['node', process.execPath],
    ['bun', path.resolve('node_modules/.bin/bun')],
  ])(
    'judge certificates as traffic does, on %s',
    (_name, runtime) => {
      const { stdout, stderr } = spawnSync(
        runtime,
        [path.resolve('libs/health/dist/monitor-tls.program.js')],
        {
          encoding: 'utf8',
          timeout: 60_000,
          env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
        },
      );
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual(EXPECTED);
    },
    90_000,
  );
});
