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

const vip = (addr: string): Json[] => [{ ip_address: { addr, type: 'V4' } }];
const servers: Json[] = [{ ip: { addr: '10.0.0.1', type: 'V4' } }];
let port = 10_000;
const basic = (name: string, more: Json = {}): Json => ({
  name,
  services: [{ port: port++ }],
  vip: vip('127.20.0.1'),
  ...more,
});
const one = async (kind: string, name: string): Promise<Json> =>
  (await api.list(`/api/${kind}?include_name=&name=${encodeURIComponent(name)}`))[0] ?? {};

describe('a virtual service made the basic way', () => {
  it('gets the pool <name>-pool, whose default server port is its own port', async () => {
    const vs = await api.create('virtualservice', {
      name: 'shop',
      services: [{ port: 8080 }],
      vip: vip('127.20.0.2'),
      servers,
    });
    expect(vs['pool_ref']).toMatch(/#shop-pool$/);
    expect(vs).not.toHaveProperty('servers');
    expect(await one('pool', 'shop-pool')).toMatchObject({
      default_server_port: 8080,
      servers: [{ ip: { addr: '10.0.0.1' }, hostname: '10.0.0.1' }],
      virtualservices: [vs.url],
    });
  });

  it('makes nothing when anything about it is refused', async () => {
    const reply = await api.post('/api/virtualservice', {
      ...basic('half'),
      servers: [{ ip: { addr: '10.0.0.1', type: 'V4' } }, { ip: { addr: '10.0.0.1', type: 'V4' } }],
    });
    expect([reply.status, reply.body['error']]).toEqual([400, expect.stringMatching(/servers\[1\]/)]);
    for (const kind of ['virtualservice', 'vsvip', 'pool'])
      expect(await api.list(`/api/${kind}?search=half`)).toEqual([]);
  });

  it('changes its servers in the pool afterwards', async () => {
    const vs = await api.create('virtualservice', basic('later', { servers }));
    const reply = await api.put(`/api/virtualservice/${vs.uuid}`, { ...vs, servers });
    expect([reply.status, reply.body['error']]).toEqual([400, expect.stringMatching(/Pool later-pool/)]);
  });
});

describe('addresses inline', () => {
  it('become a VsVip that follows the virtual service', async () => {
    const vs = await api.create('virtualservice', basic('inline'));
    expect(vs['vsvip_ref']).toMatch(/#vsvip-inline$/);
    expect(vs['vip']).toMatchObject([{ vip_id: '0', ip_address: { addr: '127.20.0.1' } }]);
    const { vsvip_ref: _ref, ...without } = vs;
    const moved = await api.put(`/api/virtualservice/${vs.uuid}`, {
      ...without,
      vip: [{ vip_id: '0', ip_address: { addr: '127.20.0.9', type: 'V4' } }],
      _last_modified: undefined,
    });
    expect(moved.status).toBe(200);
    expect(await one('vsvip', 'vsvip-inline')).toMatchObject({
      vip: [{ ip_address: { addr: '127.20.0.9' } }],
    });
    expect((await api.delete(`/api/virtualservice/${vs.uuid}`)).status).toBe(204);
    expect(await api.list('/api/vsvip?name=vsvip-inline')).toEqual([]);
  });

  it('beside a vsvip_ref may only repeat what it says', async () => {
    await api.create('vsvip', { name: 'named', vip: vip('127.20.0.3') });
    const vs = await api.create('virtualservice', {
      name: 'both',
      services: [{ port: 80 }],
      vsvip_ref: '/api/vsvip?name=named',
    });
    expect(vs['vip']).toMatchObject([{ ip_address: { addr: '127.20.0.3' } }]);
    expect((await api.put(`/api/virtualservice/${vs.uuid}`, vs)).status).toBe(200);
    const other = await api.put(`/api/virtualservice/${vs.uuid}`, {
      ...vs,
      vip: vip('127.20.0.4'),
      _last_modified: undefined,
    });
    expect([other.status, other.body['error']]).toEqual([400, expect.stringMatching(/VsVip named/)]);
    expect((await api.delete(`/api/virtualservice/${vs.uuid}`)).status).toBe(204);
    expect(await api.list('/api/vsvip?name=named')).toHaveLength(1);
  });

  it('are refused when they are none', async () => {
    for (const bad of [{}, { vip: [{ ip_address: { addr: '300.1.1.1', type: 'V4' } }] }, { vip: [{}] }])
      expect(
        (await api.post('/api/virtualservice', { name: 'bad', services: [{ port: 80 }], ...bad })).status,
      ).toBe(400);
  });
});

describe('what the server fills in', () => {
  it('is what clients expect', async () => {
    const vs = await api.create('virtualservice', basic('filled'));
    expect(vs).toMatchObject({
      type: 'VS_TYPE_NORMAL',
      enabled: true,
      cloud_type: 'CLOUD_NONE',
      cloud_ref: expect.stringMatching(/#Default-Cloud$/),
      vrf_context_ref: expect.stringMatching(/#global$/),
      se_group_ref: expect.stringMatching(/#Default-Group$/),
      application_profile_ref: expect.stringMatching(/#System-HTTP$/),
      network_profile_ref: expect.stringMatching(/#System-TCP-Proxy$/),
      analytics_profile_ref: expect.stringMatching(/#System-Analytics-Profile$/),
      services: [{ enable_ssl: false }],
      version: expect.stringMatching(/^\d+$/),
    });
    const [service] = vs['services'] as Json[];
    expect(service?.['port_range_end']).toBe(service?.['port']);
    expect(vs).not.toHaveProperty('ssl_profile_ref');
  });

  it('has a TLS profile where a port terminates TLS', async () => {
    const tls = basic('tls', { services: [{ port: 8443, enable_ssl: true }] });
    expect((await api.post('/api/virtualservice', tls)).status).toBe(400);
    const vs = await api.create('virtualservice', {
      ...tls,
      ssl_key_and_certificate_refs: ['/api/sslkeyandcertificate?name=System-Default-Cert'],
    });
    expect(vs['ssl_profile_ref']).toMatch(/#System-Standard$/);
  });
});

describe('an address and port', () => {
  it('serve one virtual service', async () => {
    await api.create('virtualservice', {
      name: 'a',
      services: [{ port: 9000, port_range_end: 9010 }],
      vip: vip('127.20.1.1'),
    });
    const taken = await api.post('/api/virtualservice', {
      name: 'b',
      services: [{ port: 9005 }],
      vip: vip('127.20.1.1'),
    });
    expect([taken.status, taken.body['code'], taken.body['error']]).toEqual([
      400,
      'LISTENER_TAKEN',
      expect.stringMatching(/VirtualService a already listens on 127\.20\.1\.1 TCP port 9005/),
    ]);
    const b = await api.create('virtualservice', {
      name: 'b',
      services: [{ port: 9011 }],
      vip: vip('127.20.1.1'),
    });
    expect(
      (await api.patch(`/api/virtualservice/${b.uuid}`, { replace: { services: [{ port: 9010 }] } })).status,
    ).toBe(400);
    const udp = {
      name: 'c',
      services: [{ port: 9005 }],
      vip: vip('127.20.1.1'),
      network_profile_ref: 'System-UDP-Fast-Path',
      application_profile_ref: 'System-L4-Application',
    };
    expect((await api.post('/api/virtualservice', udp)).status).toBe(201);
  });

  it('are kept apart when a VsVip moves, too', async () => {
    await api.create('virtualservice', { name: 'd', services: [{ port: 9100 }], vip: vip('127.20.1.2') });
    const vsvip = await api.create('vsvip', { name: 'e-vip', vip: vip('127.20.1.3') });
    await api.create('virtualservice', { name: 'e', services: [{ port: 9100 }], vsvip_ref: vsvip.url });
    const moved = await api.put(`/api/vsvip/${vsvip.uuid}`, {
      name: 'e-vip',
      vip: [{ vip_id: '0', ip_address: { addr: '127.20.1.2', type: 'V4' } }],
    });
    expect([moved.status, moved.body['code']]).toEqual([400, 'LISTENER_TAKEN']);
  });
});

const macro = (more: Json = {}): Json => ({
  model_name: 'VirtualService',
  data: {
    name: 'macro',
    services: [{ port: 9200 }],
    vsvip_ref_data: { name: 'macro-vip', vip: vip('127.20.2.1') },
    pool_ref_data: {
      servers,
      health_monitor_refs_data: [{ name: 'macro-hm', type: 'HEALTH_MONITOR_TCP' }],
      ...more,
    },
  },
});

describe('a macro', () => {
  it('makes a tree of objects or nothing, and takes away what only it used', async () => {
    const bad = await api.post('/api/macro', macro({ default_server_port: -1 }));
    expect(bad.status).toBe(400);
    for (const kind of ['vsvip', 'healthmonitor', 'pool', 'virtualservice'])
      expect(await api.list(`/api/${kind}?search=macro`)).toEqual([]);
    const made = await api.post('/api/macro', macro());
    expect([made.status, made.body['pool_ref'], made.headers['location']]).toEqual([
      201,
      expect.stringMatching(/#macro-pool$/),
      made.body['url'],
    ]);
    expect(await one('pool', 'macro-pool')).toMatchObject({
      default_server_port: 9200,
      health_monitor_refs: [expect.stringMatching(/#macro-hm$/)],
    });
    const gone = await api.json('DELETE', '/api/macro', {
      model_name: 'VirtualService',
      data: { uuid: made.body['uuid'] },
    });
    expect([gone.status, gone.text]).toEqual([204, '']);
    for (const kind of ['vsvip', 'healthmonitor', 'pool', 'virtualservice'])
      expect(await api.list(`/api/${kind}?search=macro`)).toEqual([]);
    expect(await api.list('/api/applicationprofile?name=System-HTTP')).toHaveLength(1);
  });
});
