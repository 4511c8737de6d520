import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiSession, Json } from '../../testing/api-session.js';
import { startApiInstance, type ApiInstance } from '../../testing/api-instance.js';

let instance: ApiInstance;
let api: ApiSession;
beforeAll(async () => {
  instance = await startApiInstance();
  api = await instance.admin();
}, 60_000);
afterAll(() => instance.close());

let port = 11_000;
const vs = (name: string, more: Json): Json => ({
  name,
  services: [{ port: port++ }],
  vip: [{ ip_address: { addr: '127.21.0.1', type: 'V4' } }],
  ...more,
});
const sharing = (allow: boolean) =>
  api.patch('/api/systemconfiguration', { replace: { allow_pool_sharing: allow } });

describe('a pool', () => {
  it('serves one virtual service at a time', async () => {
    await api.create('pool', { name: 'p1' });
    const first = await api.create('virtualservice', vs('v1', { pool_ref: 'p1' }));
    const second = await api.post('/api/virtualservice', vs('v2', { pool_ref: 'p1' }));
    expect([second.status, second.body['code'], second.body['error']]).toEqual([
      400,
      'POOL_IN_USE',
      expect.stringMatching(/Pool p1 already serves VirtualService v1/),
    ]);
    expect(await api.list('/api/virtualservice?name=v2')).toEqual([]);
    expect((await api.delete(`/api/virtualservice/${first.uuid}`)).status).toBe(204);
    expect((await api.post('/api/virtualservice', vs('v2', { pool_ref: 'p1' }))).status).toBe(201);
  });

  it('counts its users through pool groups and policies', async () => {
    await api.create('pool', { name: 'p2' });
    await api.create('poolgroup', { name: 'g2', members: [{ pool_ref: 'p2' }] });
    await api.create('virtualservice', vs('v3', { pool_group_ref: 'g2' }));
    expect((await api.post('/api/virtualservice', vs('v4', { pool_ref: 'p2' }))).body['code']).toBe(
      'POOL_IN_USE',
    );
    await api.create('pool', { name: 'p3' });
    await api.create('virtualservice', vs('v5', { pool_ref: 'p3' }));
    const group = await api.find('poolgroup', 'g2');
    const added = await api.patch(`/api/poolgroup/${group.uuid}`, {
      add: { members: [{ pool_ref: 'p3' }] },
    });
    expect(added.body['code']).toBe('POOL_IN_USE');
  });

  it('is shared where the system setting lifts that, and what is shared stays editable', async () => {
    await api.create('pool', { name: 'p4' });
    await sharing(true);
    const first = await api.create('virtualservice', vs('v6', { pool_ref: 'p4' }));
    await api.create('virtualservice', vs('v7', { pool_ref: 'p4' }));
    const pool = await api.find('pool', 'p4');
    expect(
      (pool['virtualservices'] as string[])
        .map((u) => u.split('#')[1])
        .toSorted((a, b) => (a ?? '').localeCompare(b ?? '')),
    ).toEqual(['v6', 'v7']);
    await sharing(false);
    expect(
      (await api.patch(`/api/virtualservice/${first.uuid}`, { replace: { description: 'still mine' } }))
        .status,
    ).toBe(200);
    expect((await api.post('/api/virtualservice', vs('v8', { pool_ref: 'p4' }))).status).toBe(400);
  });

  it('that is in use cannot be deleted, also by a virtual service that is disabled', async () => {
    const pool = await api.create('pool', { name: 'p5' });
    await api.create('virtualservice', vs('custom-vs', { pool_ref: 'p5', enabled: false }));
    const reply = await api.delete(`/api/pool/${pool.uuid}`);
    expect([reply.status, reply.body['error']]).toEqual([
      403,
      "Cannot delete, object is referred by: ['VirtualService custom-vs']",
    ]);
  });

  it('lies in the VRF context of its virtual service', async () => {
    await api.create('vrfcontext', { name: 'blue' });
    await api.create('pool', { name: 'p6', vrf_ref: 'blue' });
    const reply = await api.post('/api/virtualservice', vs('v9', { pool_ref: 'p6' }));
    expect([reply.status, reply.body['error']]).toEqual([400, 'VRF Context for v9 and pool p6 different']);
  });
});
