import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Lifecycle } from '../config/lifecycle.js';
import { ObjectCache, SecretBox } from '../store/index.js';
import type { ApiSession, Json } from '../testing/api-session.js';
import { ADMIN_PASSWORD, startApiInstance, type ApiInstance } from '../testing/api-instance.js';
import { sealPart } from './sealed-part.js';

const PASSPHRASE = 'a long passphrase';
const open: ApiInstance[] = [];
async function start(): Promise<{ instance: ApiInstance; api: ApiSession }> {
  const instance = await startApiInstance();
  open.push(instance);
  return { instance, api: await instance.admin() };
}
afterEach(async () => {
  for (const instance of open.splice(0)) await instance.close();
});
afterAll(() => expect(open).toEqual([]));

/** Some configuration of everything that makes a restore hard. */
async function fill(api: ApiSession, instance: ApiInstance): Promise<void> {
  const pem = readFileSync(path.join(instance.settings.dir, 'server.pem'), 'utf8');
  const key = readFileSync(path.join(instance.settings.dir, 'server.key'), 'utf8');
  await api.create('sslkeyandcertificate', { name: 'cert', key, certificate: { certificate: pem } });
  await api.create('tenant', { name: 'blue' });
  await api.create('user', {
    name: 'ben',
    password: 'ben password',
    access: [{ tenant_ref: '/api/tenant?name=blue', role_ref: '/api/role?name=Tenant-Admin' }],
  });
  await api.create('virtualservice', {
    name: 'shop',
    services: [{ port: 8080 }],
    vip: [{ ip_address: { addr: '127.22.0.1', type: 'V4' } }],
    servers: [{ ip: { addr: '10.0.0.1', type: 'V4' } }],
  });
  await api.patch('/api/systemconfiguration', { replace: { allow_pool_sharing: true } });
  const monitor = await api.find('healthmonitor', 'System-TCP');
  await api.patch(`/api/healthmonitor/${monitor.uuid}`, { replace: { send_interval: 7 } });
}

const objects = async (api: ApiSession): Promise<Map<unknown, unknown>> => {
  const { body } = await api.get('/api/configuration/export');
  return new Map((body['objects'] as Json[]).map((o) => [o['uuid'], o['spec']]));
};

describe('an export', () => {
  it('holds every object and no secret', async () => {
    const { api, instance } = await start();
    await fill(api, instance);
    const { status, text, body } = await api.get('/api/configuration/export');
    expect([status, body['format'], body['epoch']]).toEqual([200, 'spillway-configuration', 1]);
    expect((body['objects'] as Json[]).map((o) => (o['spec'] as Json)['name'])).toEqual(
      expect.arrayContaining(['shop', 'shop-pool', 'vsvip-shop', 'ben', 'cert', 'System-HTTP']),
    );
    expect(text).not.toMatch(/PRIVATE KEY|sealed:|argon2/);
    const sealed = await api.post('/api/configuration/export', { passphrase: PASSPHRASE });
    expect(sealed.text).not.toMatch(/PRIVATE KEY|sealed:|\$argon2/);
    expect(sealed.body['sealed']).toMatchObject({ kdf: 'argon2id' });
    expect((await api.post('/api/configuration/export', { passphrase: 'short' })).status).toBe(400);
  });
});

describe('a restore', () => {
  it('without secrets brings the objects back and raises the epoch', async () => {
    const source = await start();
    await fill(source.api, source.instance);
    const { body: document } = await source.api.get('/api/configuration/export');
    const target = await start();
    const reply = await target.api.post('/api/configuration/restore', document);
    expect([reply.status, reply.body]).toEqual([
      200,
      { objects: expect.any(Number), epoch: 2, restarting: false },
    ]);
    const restored = await objects(target.api);
    for (const { uuid, kind, spec } of document['objects'] as Json[])
      if (
        !['systemconfiguration', 'cluster', 'controllerproperties', 'seproperties', 'serviceengine'].includes(
          String(kind),
        )
      )
        expect(restored.get(uuid)).toEqual(spec);
    expect((await target.api.get('/api/systemconfiguration')).body['allow_pool_sharing']).toBe(true);
    expect((await target.instance.client().login('ben', 'ben password')).status).toBe(401);
    const cache = target.instance.running.app.get(ObjectCache);
    expect(cache.epoch).toBe(2);
    expect(cache.generation).toBeGreaterThan(Number(document['generation']));
    expect((await target.api.post('/api/configuration/restore', document)).status).toBe(409);
  });

  it('with the passphrase brings back secrets, passwords and who the cluster is', async () => {
    const source = await start();
    await fill(source.api, source.instance);
    const { body: document } = await source.api.post('/api/configuration/export', { passphrase: PASSPHRASE });
    const sourceCache = source.instance.running.app.get(ObjectCache);
    const target = await start();
    let restarts = 0;
    target.instance.running.app.get(Lifecycle).onRestart(() => (restarts += 1));
    const wrong = await target.api.post('/api/configuration/restore', {
      ...document,
      passphrase: 'another passphrase',
    });
    expect([wrong.status, wrong.body['code']]).toEqual([400, 'PASSPHRASE_WRONG']);
    const reply = await target.api.post('/api/configuration/restore', {
      ...document,
      passphrase: PASSPHRASE,
    });
    expect([reply.status, reply.body['restarting'], restarts]).toEqual([200, true, 1]);
    const again = await target.instance.restart();
    const cache = again.running.app.get(ObjectCache);
    expect([cache.clusterUuid, cache.epoch]).toEqual([sourceCache.clusterUuid, 2]);
    expect(again.ca).toBe(source.instance.ca);
    expect((await again.client().login('admin', ADMIN_PASSWORD)).status).toBe(200);
    expect((await again.client().login('ben', 'ben password')).status).toBe(200);
    const [cert] = cache.byName('sslkeyandcertificate', 'cert');
    const secret = again.running.app.get(SecretBox).open(cert?.uuid ?? '', String(cert?.spec['key']));
    expect(secret).toBe(readFileSync(path.join(source.instance.settings.dir, 'server.key'), 'utf8'));
    expect(existsSync(path.join(again.settings.dir, 'initial-password'))).toBe(false);
  });

  it('is refused whole, by name, when anything in it is wrong', async () => {
    const { api } = await start();
    const { body: document } = await api.get('/api/configuration/export');
    const list = document['objects'] as Json[];
    const extra = (more: Json): Json => ({
      ...document,
      objects: [
        ...list,
        {
          kind: 'pool',
          uuid: 'pool-1',
          spec: { name: 'p', cloud_ref: list.find((o) => o['kind'] === 'cloud')?.['uuid'] },
          ...more,
        },
      ],
    });
    const before = await objects(api);
    const refusals: [unknown, RegExp][] = [
      [{}, /not an export/],
      [{ ...document, version: 2 }, /version/],
      [extra({ kind: 'nosuch' }), /nosuch/],
      [extra({ spec: { name: 'p', default_server_port: 0 } }), /pool-1.*default_server_port/],
      [extra({ spec: { name: 'p', health_monitor_refs: ['healthmonitor-9'] } }), /healthmonitor-9/],
      [extra({ uuid: '../x' }), /uuid/],
      [{ ...document, objects: [...list, list[0]] }, /one uuid/],
      [
        {
          ...document,
          passphrase: PASSPHRASE,
          sealed: {
            ...sealPart(
              {
                specs: {},
                credentials: [],
                identity: { cluster_uuid: 'c', ca_certificate_pem: '', ca_key: '', service_engines: [] },
              },
              PASSPHRASE,
            ),
            data: 'AAAA',
          },
        },
        /do not open/,
      ],
    ];
    for (const [body, text] of refusals) {
      const reply = await api.post('/api/configuration/restore', body);
      expect([reply.status, reply.body['error']]).toEqual([400, expect.stringMatching(text)]);
    }
    expect(await objects(api)).toEqual(before);
  });
});
