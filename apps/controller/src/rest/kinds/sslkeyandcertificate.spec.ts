import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { ObjectCache, SecretBox } from '../../store/index.js';
import type { ApiSession, Json } from '../../testing/api-session.js';
import { startApiInstance, type ApiInstance } from '../../testing/api-instance.js';

let instance: ApiInstance;
let api: ApiSession;
let pem: string;
let key: string;
beforeAll(async () => {
  instance = await startApiInstance();
  api = await instance.admin();
  pem = readFileSync(path.join(instance.settings.dir, 'server.pem'), 'utf8');
  key = readFileSync(path.join(instance.settings.dir, 'server.key'), 'utf8');
}, 60_000);
afterAll(() => instance.close());

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a certificate', () => {
  it('is read when it is written, and its key is never shown', async () => {
    const made = await api.create('sslkeyandcertificate', {
      name: 'c1',
      key,
      certificate: { certificate: pem },
    });
    expect(made).toMatchObject({
      status: 'SSL_CERTIFICATE_FINISHED',
      key_params: { algorithm: 'SSL_KEY_ALGORITHM_EC', ec_params: { curve: 'SSL_KEY_EC_CURVE_SECP256R1' } },
      certificate: {
        certificate: pem,
        subject: { common_name: 'spillway controller' },
        issuer: { common_name: expect.stringMatching(/^spillway cluster-/) },
        self_signed: false,
        expiry_status: 'SSL_CERTIFICATE_GOOD',
        not_before: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
        fingerprint: expect.stringMatching(/^SHA256 Fingerprint=([0-9A-F]{2}:){31}/),
        subject_alt_names: expect.arrayContaining(['localhost', '127.0.0.1']),
      },
    });
    expect(made).not.toHaveProperty('key');
    expect((await api.get(`/api/sslkeyandcertificate/${made.uuid}`)).text).not.toMatch(/PRIVATE KEY/);
  });

  it('has its key sealed in the database, and kept when it is written back without', async () => {
    const made = await api.create('sslkeyandcertificate', {
      name: 'c2',
      key,
      certificate: { certificate: pem },
    });
    const stored = async (): Promise<string> =>
      String(instance.running.app.get(ObjectCache).get(made.uuid)?.spec['key']);
    const rows: unknown = await instance.running.app
      .get(DataSource)
      .query("SELECT string_agg(spec::text, '') FROM object");
    expect(JSON.stringify(rows)).not.toMatch(/BEGIN (EC )?PRIVATE KEY/);
    expect(await stored()).toMatch(/^sealed:/);
    const { body } = await api.get(`/api/sslkeyandcertificate/${made.uuid}`);
    expect((await api.put(`/api/sslkeyandcertificate/${made.uuid}`, body)).status).toBe(200);
    expect(instance.running.app.get(SecretBox).open(made.uuid, await stored())).toBe(key);
  });

  it('takes base64, and refuses what does not fit', async () => {
    const encoded = {
      name: 'c3',
      key: base64(key),
      key_base64: true,
      certificate: { certificate: base64(pem) },
      certificate_base64: true,
    };
    expect((await api.create('sslkeyandcertificate', encoded))['certificate']).toMatchObject({
      certificate: pem,
    });
    const refusals: [Json, RegExp][] = [
      [{ certificate: { certificate: 'nonsense' } }, /certificate\.certificate/],
      [{ key: 'nonsense', certificate: { certificate: pem } }, /for key/],
      [{ key: 'sealed:abc', certificate: { certificate: pem } }, /sealed:/],
    ];
    for (const [body, text] of refusals) {
      const reply = await api.post('/api/sslkeyandcertificate', { name: 'c4', ...body });
      expect([reply.status, reply.body['error']]).toEqual([400, expect.stringMatching(text)]);
    }
    const system = await api.find('sslkeyandcertificate', 'System-Default-Cert');
    const other = (system['certificate'] as Json)['certificate'];
    const mismatch = await api.post('/api/sslkeyandcertificate', {
      name: 'c4',
      key,
      certificate: { certificate: other },
    });
    expect(mismatch.body['error']).toMatch(/does not belong to the certificate/);
  });
});

describe('the system certificates', () => {
  it('are there by name', async () => {
    const names = (await api.list('/api/sslkeyandcertificate?name.contains=System-Default&fields=name')).map(
      (o) => o['name'],
    );
    expect(names).toEqual([
      'System-Default-Cert',
      'System-Default-Cert-EC',
      'System-Default-Portal-Cert',
      'System-Default-Portal-Cert-EC256',
      'System-Default-Root-CA',
      'System-Default-Secure-Channel-Cert',
    ]);
  });
});
