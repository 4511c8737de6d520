import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiSession, Json } from '../testing/api-session.js';
import { startApiInstance, type ApiInstance } from '../testing/api-instance.js';

let instance: ApiInstance;
let admin: ApiSession;
beforeAll(async () => {
  instance = await startApiInstance();
  admin = await instance.admin();
  for (const name of ['blue', 'red']) await admin.create('tenant', { name });
  await admin.create('role', {
    name: 'pools',
    privileges: [
      { resource: 'PERMISSION_POOL', type: 'WRITE_ACCESS' },
      { resource: 'PERMISSION_HEALTHMONITOR', type: 'READ_ACCESS' },
      { resource: 'PERMISSION_VIRTUALSERVICE', type: 'NO_ACCESS' },
    ],
  });
  await admin.create('user', {
    name: 'ben',
    password: 'ben password',
    access: [{ tenant_ref: '/api/tenant?name=blue', role_ref: '/api/role?name=pools' }],
    default_tenant_ref: '/api/tenant?name=blue',
  });
}, 60_000);
afterAll(() => instance.close());

async function ben(tenant?: string): Promise<ApiSession> {
  const session = instance.client();
  await session.login('ben', 'ben password');
  if (tenant !== undefined) session.headers['X-Avi-Tenant'] = tenant;
  return session;
}
const inTenant = (tenant: string): Record<string, string> => ({ 'X-Avi-Tenant': tenant });
const names = (objects: readonly Json[]): unknown[] => objects.map((o) => o['name']);

describe('a role', () => {
  it('allows what it says in the tenant where it is given, and nothing else', async () => {
    const api = await ben();
    const pool = await api.create('pool', { name: 'ben-pool' });
    expect(pool['tenant_ref']).toMatch(/#blue$/);
    expect((await api.get('/api/healthmonitor')).status).toBe(200);
    const refused = await api.post('/api/healthmonitor', { name: 'x', type: 'HEALTH_MONITOR_TCP' });
    expect([refused.status, refused.body['error']]).toEqual([
      403,
      expect.stringMatching(/ben may not write HealthMonitor.*PERMISSION_HEALTHMONITOR WRITE_ACCESS/),
    ]);
    expect((await api.get('/api/virtualservice')).status).toBe(403);
    expect((await api.get('/api/user')).status).toBe(403);
    expect((await api.get('/api/systemconfiguration')).status).toBe(403);
    expect(
      (await api.patch('/api/systemconfiguration', { replace: { allow_pool_sharing: true } })).status,
    ).toBe(403);
    expect((await api.get('/api/configuration/export')).status).toBe(403);
  });

  it('changes what its users may do at once', async () => {
    const api = await ben();
    const role = await admin.find('role', 'pools');
    const path = `/api/role/${role.uuid}`;
    await admin.patch(path, {
      add: { privileges: [{ resource: 'PERMISSION_STRINGGROUP', type: 'READ_ACCESS' }] },
    });
    expect((await api.get('/api/stringgroup')).status).toBe(200);
    await admin.patch(path, { delete: { privileges: [{ resource: 'PERMISSION_STRINGGROUP' }] } });
    expect((await api.get('/api/stringgroup')).status).toBe(403);
  });
});

describe('a tenant', () => {
  it('is entered only by its users', async () => {
    for (const tenant of ['red', 'admin']) {
      const reply = await (await ben(tenant)).get('/api/pool');
      expect([reply.status, reply.body['error']]).toEqual([
        403,
        expect.stringMatching(new RegExp(`no role in tenant ${tenant}`)),
      ]);
    }
    expect((await (await ben('nosuch')).get('/api/pool')).status).toBe(404);
    expect(names(await (await ben()).list('/api/tenant'))).toEqual(['blue']);
  });

  it('has its own names and sees its own objects, and those of the system', async () => {
    for (const tenant of ['blue', 'red']) {
      const reply = await admin.post('/api/pool', { name: 'same' }, inTenant(tenant));
      expect([reply.status, reply.body['tenant_ref']]).toEqual([
        201,
        expect.stringMatching(new RegExp(`#${tenant}$`)),
      ]);
    }
    const blue = await admin.get('/api/pool', inTenant('blue'));
    expect(names(blue.body['results'] as Json[])).toEqual(['ben-pool', 'same']);
    expect(names(await admin.list('/api/pool'))).toEqual([]);
    const all = await admin.get('/api/pool', inTenant('*'));
    expect(names(all.body['results'] as Json[])).toEqual(['ben-pool', 'same', 'same']);
    const api = await ben();
    expect(names(await api.list('/api/healthmonitor?name=System-TCP'))).toEqual(['System-TCP']);
    const withProfile = await api.post('/api/pool', {
      name: 'uses system',
      health_monitor_refs: ['/api/healthmonitor?name=System-TCP'],
    });
    expect(withProfile.status).toBe(201);
  });

  it('does not reach into another, by uuid or by reference', async () => {
    const red = await admin.post('/api/pool', { name: 'red only' }, inTenant('red'));
    const hm = await admin.post(
      '/api/healthmonitor',
      { name: 'red hm', type: 'HEALTH_MONITOR_TCP' },
      inTenant('red'),
    );
    const api = await ben();
    const path = `/api/pool/${String(red.body['uuid'])}`;
    for (const reply of [
      await api.get(path),
      await api.put(path, { name: 'x' }),
      await api.patch(path, { add: { description: 'x' } }),
      await api.delete(path),
    ])
      expect(reply.status).toBe(404);
    const crossing = await api.post('/api/pool', { name: 'crossing', health_monitor_refs: [hm.body['url']] });
    expect([crossing.status, crossing.body['error']]).toEqual([
      400,
      expect.stringMatching(/HealthMonitor object not found!/),
    ]);
    const planted = await api.post('/api/pool', { name: 'planted', tenant_ref: '/api/tenant?name=red' });
    expect(planted.status).toBe(403);
    const star = await ben('*');
    expect(names(await star.list('/api/pool'))).not.toContain('red only');
    expect((await star.get(path)).status).toBe(404);
  });

  it('cannot change what it only shares', async () => {
    const profile = await admin.find('healthmonitor', 'System-TCP');
    const role = await admin.find('role', 'pools');
    await admin.patch(`/api/role/${role.uuid}`, {
      replace: {
        privileges: [
          { resource: 'PERMISSION_POOL', type: 'WRITE_ACCESS' },
          { resource: 'PERMISSION_HEALTHMONITOR', type: 'WRITE_ACCESS' },
        ],
      },
    });
    const reply = await (
      await ben()
    ).patch(`/api/healthmonitor/${profile.uuid}`, { replace: { send_interval: 100 } });
    expect(reply.status).toBe(403);
  });

  it('goes only when it is empty', async () => {
    const blue = await admin.find('tenant', 'blue');
    const reply = await admin.delete(`/api/tenant/${blue.uuid}`);
    expect([reply.status, reply.body['error']]).toEqual([403, expect.stringMatching(/Pool ben-pool/)]);
    const empty = await admin.create('tenant', { name: 'empty' });
    expect((await admin.delete(`/api/tenant/${empty.uuid}`)).status).toBe(204);
  });
});

describe('a user', () => {
  it('loses all access with the user, and when deactivated', async () => {
    const user = await admin.create('user', { name: 'eve', password: 'eve password', is_superuser: true });
    const eve = instance.client();
    await eve.login('eve', 'eve password');
    expect((await eve.get('/api/pool')).status).toBe(200);
    await admin.patch(`/api/user/${user.uuid}`, { replace: { is_active: false } });
    expect((await eve.get('/api/pool')).status).toBe(401);
    expect((await instance.client().login('eve', 'eve password')).status).toBe(401);
    expect((await admin.delete(`/api/user/${user.uuid}`)).status).toBe(204);
    expect((await admin.delete('/api/user/user-1')).status).toBe(403);
    expect((await admin.patch('/api/user/user-1', { replace: { is_superuser: false } })).status).toBe(403);
  });
});
