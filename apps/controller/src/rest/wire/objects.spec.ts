import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kindNames, kinds } from '@spillway/model';
import type { ApiSession, Json } from '../../testing/api-session.js';
import { startApiInstance, type ApiInstance } from '../../testing/api-instance.js';

let instance: ApiInstance;
let api: ApiSession;
beforeAll(async () => {
  instance = await startApiInstance();
  api = await instance.admin();
}, 60_000);
afterAll(() => instance.close());

const server = (addr: string): Json => ({ ip: { addr, type: 'V4' } });
const uuidOf = (o: Json): string => String(o['uuid']);

function holes(value: unknown, path = ''): string[] {
  if (value === null) return [path];
  if (Array.isArray(value))
    return value.length === 0 ? [path] : value.flatMap((v, i) => holes(v, `${path}[${i}]`));
  if (typeof value === 'object')
    return Object.entries(value as Json).flatMap(([k, v]) => holes(v, `${path}.${k}`));
  return [];
}

describe('POST', () => {
  it('answers 201 with the whole object, its defaults, names in every link, and Location', async () => {
    await api.create('healthmonitor', { name: 'hm', type: 'HEALTH_MONITOR_TCP' });
    const reply = await api.post('/api/pool/', {
      name: 'first',
      health_monitor_refs: ['/api/healthmonitor?name=hm'],
      servers: [server('10.1.1.1')],
      description: null,
      networks: [],
    });
    expect(reply.status).toBe(201);
    const pool = reply.body;
    expect(uuidOf(pool)).toMatch(
      /^pool-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(pool).toMatchObject({
      url: `${api.base}/api/pool/${uuidOf(pool)}#first`,
      name: 'first',
      enabled: true,
      default_server_port: 80,
      lb_algorithm: 'LB_ALGORITHM_LEAST_CONNECTIONS',
      graceful_disable_timeout: 1,
      servers: [{ hostname: '10.1.1.1', ratio: 1, enabled: true }],
      tenant_ref: `${api.base}/api/tenant/admin#admin`,
      cloud_ref: expect.stringMatching(/^https:\/\/[^/]+\/api\/cloud\/cloud-.*#Default-Cloud$/),
      vrf_ref: expect.stringMatching(/#global$/),
      health_monitor_refs: [
        expect.stringMatching(/^https:\/\/[^/]+\/api\/healthmonitor\/healthmonitor-.*#hm$/),
      ],
      _last_modified: expect.stringMatching(/^\d{16}$/),
    });
    expect(reply.headers['location']).toBe(pool['url']);
    expect(holes(pool)).toEqual([]);
    const stored = await api.get(`/api/pool/${uuidOf(pool)}`);
    expect(stored.text).not.toMatch(/#/);
    expect(holes(stored.body)).toEqual([]);
  });

  it('refuses a name that is taken, with the text that clients know', async () => {
    await api.create('vrfcontext', { name: 'taken' });
    const vrf = await api.post('/api/vrfcontext', { name: 'taken' });
    expect([vrf.status, vrf.body['error']]).toEqual([
      409,
      'Vrf context with this Name, Tenant ref and Cloud ref already exists.',
    ]);
    await api.create('ipaddrgroup', { name: 'taken' });
    const group = await api.post('/api/ipaddrgroup', { name: 'taken' });
    expect([group.status, group.body['error']]).toEqual([
      409,
      'Ip addr group with this Name and Tenant ref already exists.',
    ]);
  });

  it('names field, value, range and remedy of what it refuses, and stores nothing', async () => {
    const reply = await api.post('/api/pool', {
      name: 'bad',
      default_server_port: 70_000,
      lb_algorithm: 'NO',
    });
    expect(reply.status).toBe(400);
    expect(reply.body['error']).toMatch(/default_server_port.*70000.*1 to 65535/);
    expect(reply.body['errors']).toHaveLength(2);
    expect(await api.list('/api/pool?name=bad')).toEqual([]);
    const monitor = await api.post('/api/healthmonitor', {
      name: 'm',
      type: 'HEALTH_MONITOR_TCP',
      receive_timeout: 10,
    });
    expect(monitor.body['error']).toMatch(/Receive timeout of Monitor m cannot be more than Send interval/);
  });

  it('holds a description to 256 characters', async () => {
    expect((await api.post('/api/pool', { name: 'd', description: 'x'.repeat(257) })).status).toBe(400);
    expect((await api.post('/api/pool', { name: 'd', description: 'x'.repeat(256) })).status).toBe(201);
  });

  it('refuses a reference to what is not there, by name', async () => {
    const reply = await api.post('/api/pool', {
      name: 'r',
      health_monitor_refs: ['/api/healthmonitor?name=none'],
    });
    expect(reply.status).toBe(400);
    expect(reply.body['error']).toMatch(
      /health_monitor_refs\[0\].*HealthMonitor object not found!.*name=none/,
    );
  });

  it('refuses a body that is no object, no JSON, or reaches for a prototype', async () => {
    for (const body of ['[]', '5', '"x"', 'null', '', '{', '{"name":"x","__proto__":{"a":1}}'])
      expect((await api.send('POST', '/api/pool', body, { 'Content-Type': 'application/json' })).status).toBe(
        400,
      );
  });

  it('takes the uuid of Slug only where the system allows it', async () => {
    const uuid = 'stringgroup-11111111-2222-4333-8444-555555555555';
    const first = await api.post('/api/stringgroup', { name: 's1', type: 'SG_TYPE_STRING' }, { Slug: uuid });
    expect(uuidOf(first.body)).not.toBe(uuid);
    await api.patch('/api/systemconfiguration', {
      replace: { portal_configuration: { use_uuid_from_input: true } },
    });
    const second = await api.post('/api/stringgroup', { name: 's2', type: 'SG_TYPE_STRING' }, { Slug: uuid });
    expect(uuidOf(second.body)).toBe(uuid);
    expect(
      (await api.post('/api/stringgroup', { name: 's3', type: 'SG_TYPE_STRING' }, { Slug: uuid })).status,
    ).toBe(400);
    expect(
      (await api.post('/api/stringgroup', { name: 's3', type: 'SG_TYPE_STRING' }, { Slug: 'pool-1' })).status,
    ).toBe(400);
  });
});

describe('fields', () => {
  it('names what it drops and what it stores without effect; strict refuses both', async () => {
    const body = {
      name: 'fields',
      colour: 'red',
      east_west: true,
      servers: [{ ...server('10.0.0.9'), shape: 'round' }],
    };
    const reply = await api.post('/api/pool', body);
    expect(reply.status).toBe(201);
    expect(reply.headers['x-spillway-unknown']).toBe('colour, servers[].shape');
    expect(String(reply.headers['x-spillway-unhonoured'])).toMatch(/east_west/);
    expect(reply.body).not.toHaveProperty('colour');
    expect(reply.body).toHaveProperty('east_west', true);
    const strict = await api.post('/api/pool?strict=true', { ...body, name: 'strict' });
    expect(strict.status).toBe(400);
    expect(JSON.stringify(strict.body['errors'])).toMatch(/unknown_field.*unhonoured_field/);
  });

  it('never puts a hostile field name into a header', async () => {
    const reply = await api.post('/api/pool', { name: 'hostile', 'a\r\nSet-Cookie: x': 1, schön: 2 });
    expect(reply.status).toBe(201);
    expect(reply.headers['set-cookie']).toBeUndefined();
    expect(reply.headers['x-spillway-unknown']).toBe('a??Set-Cookie:?x, sch?n');
  });
});

describe('PUT', () => {
  it('replaces all: what is left out goes back to its default', async () => {
    const pool = await api.create('pool', {
      name: 'put',
      default_server_port: 8080,
      servers: [server('10.0.0.1')],
    });
    const reply = await api.put(`/api/pool/${pool.uuid}/`, { name: 'put', description: 'new' });
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({
      description: 'new',
      default_server_port: 80,
      url: expect.stringMatching(/#put$/),
    });
    expect(reply.body).not.toHaveProperty('servers');
  });

  it('takes back what it answered, whatever links, read-only and server-filled fields are in it', async () => {
    const pool = await api.create('pool', { name: 'echo', servers: [server('10.0.0.1')] });
    for (const query of ['', '?include_name=', '?skip_default=true', '?include_refs']) {
      const read = await api.get(`/api/pool/${pool.uuid}${query}`);
      const written = await api.put(`/api/pool/${pool.uuid}`, read.body);
      expect([written.status, written.headers['x-spillway-unknown']]).toEqual([200, undefined]);
      const { _last_modified: _a, ...again } = (await api.get(`/api/pool/${pool.uuid}${query}`)).body;
      const { _last_modified: _b, ...before } = read.body;
      expect(again).toEqual(before);
    }
  });

  it('takes back strictly a virtual service as it answered it: what the server filled in is not asked for', async () => {
    const vip = await api.create('vsvip', {
      name: 'echo-vip',
      vip: [{ vip_id: '0', ip_address: { addr: '127.9.0.2', type: 'V4' } }],
    });
    const vs = await api.create('virtualservice', {
      name: 'echo-vs',
      vsvip_ref: vip.url,
      services: [{ port: 8080 }],
    });
    const path = `/api/virtualservice/${vs.uuid}`;
    const written = await api.put(`${path}?strict=true`, (await api.get(path)).body);
    expect([written.status, written.body['error']]).toEqual([200, undefined]);
  });

  it('refuses an old _last_modified with 412, and takes a body without one', async () => {
    const pool = await api.create('pool', { name: 'stale' });
    const now = String(pool['_last_modified']);
    expect((await api.put(`/api/pool/${pool.uuid}`, { name: 'stale', _last_modified: now })).status).toBe(
      200,
    );
    const stale = await api.put(`/api/pool/${pool.uuid}`, { name: 'stale', _last_modified: now });
    expect([stale.status, stale.body['error']]).toEqual([
      412,
      'Concurrent Update Error: Need to reload object data Pool',
    ]);
    expect((await api.put(`/api/pool/${pool.uuid}`, { name: 'stale' })).status).toBe(200);
  });

  it('renames, unless the name is taken', async () => {
    const pool = await api.create('pool', { name: 'old name' });
    await api.create('pool', { name: 'other' });
    expect((await api.put(`/api/pool/${pool.uuid}`, { name: 'other' })).status).toBe(409);
    expect((await api.put(`/api/pool/${pool.uuid}`, { name: 'new name' })).body['name']).toBe('new name');
    expect(await api.list('/api/pool?name=old+name')).toEqual([]);
  });

  it('does not move an object to another cloud', async () => {
    const pool = await api.create('pool', { name: 'stays' });
    await api.create('cloud', { name: 'elsewhere', vtype: 'CLOUD_NONE' });
    const reply = await api.put(`/api/pool/${pool.uuid}`, {
      name: 'stays',
      cloud_ref: '/api/cloud?name=elsewhere',
    });
    expect([reply.status, reply.body['code']]).toEqual([400, 'FIELD_INVALID']);
  });
});

describe('PATCH', () => {
  it('adds to, replaces and deletes from lists, and sets and resets scalars', async () => {
    const hm = await api.create('healthmonitor', { name: 'patch-hm', type: 'HEALTH_MONITOR_TCP' });
    const pool = await api.create('pool', {
      name: 'patch',
      servers: [server('10.0.0.1')],
      default_server_port: 8080,
    });
    const path = `/api/pool/${pool.uuid}`;
    const servers = async (): Promise<unknown[]> =>
      (((await api.get(path)).body['servers'] as { ip: Json }[] | undefined) ?? []).map((s) => s.ip['addr']);
    await api.patch(path, {
      add: { servers: [server('10.0.0.2')], health_monitor_refs: ['/api/healthmonitor?name=patch-hm'] },
    });
    expect(await servers()).toEqual(['10.0.0.1', '10.0.0.2']);
    expect((await api.get(path)).body['health_monitor_refs']).toEqual([hm.url.split('#')[0]]);
    await api.patch(path, {
      delete: { servers: [server('10.0.0.1')], health_monitor_refs: [hm.url], default_server_port: 8080 },
    });
    expect(await servers()).toEqual(['10.0.0.2']);
    expect((await api.get(path)).body).toMatchObject({ default_server_port: 80 });
    expect((await api.get(path)).body).not.toHaveProperty('health_monitor_refs');
    const replaced = await api.patch(path, { replace: { servers: [server('10.0.0.7')], description: 'x' } });
    expect(replaced.body).toMatchObject({ description: 'x', url: expect.stringMatching(/#patch$/) });
    expect(await servers()).toEqual(['10.0.0.7']);
  });

  it('reports and refuses what the patch itself asks for, and nothing of the rest of the object', async () => {
    const vip = await api.create('vsvip', {
      name: 'patch-report',
      vip: [{ vip_id: '0', ip_address: { addr: '127.9.0.1', type: 'V4' } }],
    });
    const vs = await api.create('virtualservice', {
      name: 'patch-report',
      vsvip_ref: vip.url,
      services: [{ port: 8080 }],
      limit_doser: true,
    });
    const path = `/api/virtualservice/${vs.uuid}`;
    const strict = `${path}?strict=true`;
    const plain = await api.patch(strict, { replace: { description: 'said' } });
    expect([plain.status, plain.headers['x-spillway-unhonoured']]).toEqual([200, undefined]);
    const pointed = { op: 'replace', path: '/services/0/port_range_end', value: 8081 };
    const json = await api.patch(strict, { json_patch: [pointed] });
    expect([json.status, json.headers['x-spillway-unhonoured']]).toEqual([200, undefined]);

    const asked = await api.patch(path, { add: { limit_doser: true, colour: 'red' } });
    expect(asked.headers['x-spillway-unhonoured']).toBe('limit_doser');
    expect(asked.headers['x-spillway-unknown']).toBe('colour');
    const added = { op: 'add', path: '/delay_fairness', value: true };
    expect((await api.patch(path, { json_patch: [added] })).headers['x-spillway-unhonoured']).toBe(
      'delay_fairness',
    );
    for (const body of [
      { add: { limit_doser: true } },
      { replace: { colour: 'red' } },
      { json_patch: [added] },
      { json_patch: [{ op: 'add', path: '/colour', value: 'red' }] },
    ])
      expect([body, (await api.patch(strict, body)).status]).toEqual([body, 400]);
  });

  it('takes JSON Patch, wholly or not at all', async () => {
    const pool = await api.create('pool', { name: 'jp', servers: [server('10.0.0.1')] });
    const path = `/api/pool/${pool.uuid}`;
    const good = await api.patch(path, {
      json_patch: [
        { op: 'replace', path: '/servers/0/ratio', value: 3 },
        { op: 'add', path: '/description', value: 'd' },
      ],
    });
    expect(good.body).toMatchObject({ description: 'd', servers: [{ ratio: 3 }] });
    const bad = await api.patch(path, {
      json_patch: [
        { op: 'replace', path: '/description', value: 'e' },
        { op: 'remove', path: '/servers/9' },
      ],
    });
    expect([bad.status, bad.body['error']]).toEqual([400, expect.stringMatching(/json_patch\[1\]/)]);
    expect((await api.get(path)).body['description']).toBe('d');
  });

  it('refuses what is no patch, what breaks a rule, and an old version', async () => {
    const pool = await api.create('pool', { name: 'np' });
    const path = `/api/pool/${pool.uuid}`;
    for (const body of [{}, [], { name: 'x' }, { add: 5 }])
      expect((await api.patch(path, body)).status).toBe(400);
    expect((await api.patch(path, { replace: { default_server_port: 0 } })).status).toBe(400);
    expect((await api.patch(path, { replace: { description: 'x' }, _last_modified: '1' })).status).toBe(412);
  });

  it('loses no change of two at the same time', async () => {
    const pool = await api.create('pool', { name: 'race' });
    const path = `/api/pool/${pool.uuid}`;
    const addresses = Array.from({ length: 20 }, (_, i) => `10.9.0.${i + 1}`);
    const replies = await Promise.all(
      addresses.map((a) => api.patch(path, { add: { servers: [server(a)] } })),
    );
    expect(replies.map((r) => r.status)).toEqual(addresses.map(() => 200));
    const servers = (await api.get(path)).body['servers'] as { ip: { addr: string } }[];
    expect(servers.map((s) => s.ip.addr).sort()).toEqual([...addresses].sort());
  });
});

describe('DELETE', () => {
  it('answers 204 without a body, also where the client sends one; then 404', async () => {
    const pool = await api.create('pool', { name: 'gone' });
    const reply = await api.send('DELETE', `/api/pool/${pool.uuid}`, '', {
      'Content-Type': 'application/json',
    });
    expect([reply.status, reply.text]).toEqual([204, '']);
    const again = await api.delete(`/api/pool/${pool.uuid}`);
    expect([again.status, again.body['error']]).toEqual([404, 'Pool object not found!']);
    const other = await api.create('pool', { name: 'gone' });
    expect((await api.json('DELETE', `/api/pool/${other.uuid}`, { name: 'gone' })).status).toBe(204);
  });

  it('is refused while something refers to it, naming what', async () => {
    const hm = await api.create('healthmonitor', { name: 'used', type: 'HEALTH_MONITOR_TCP' });
    await api.create('pool', { name: 'custom-pool', health_monitor_refs: [hm.url] });
    const reply = await api.delete(`/api/healthmonitor/${hm.uuid}`);
    expect([reply.status, reply.body['error']]).toEqual([
      403,
      "Cannot delete, object is referred by: ['Pool custom-pool']",
    ]);
  });

  it('spares what the system made', async () => {
    const profile = await api.find('applicationprofile', 'System-HTTP');
    const reply = await api.delete(`/api/applicationprofile/${profile.uuid}`);
    expect([reply.status, reply.body['error']]).toEqual([403, 'Cannot delete system default object']);
  });
});

describe('paths', () => {
  it('are taken with a trailing slash and with slashes doubled', async () => {
    for (const path of [
      '/api/pool',
      '/api/pool/',
      '//api/pool',
      '//api/pool/',
      '/api//pool?name=x',
      '//api/pool/?name=x',
    ])
      expect((await api.get(path)).status).toBe(200);
    expect((await api.get('//api/initial-data')).body).toMatchObject({ version: { Version: '30.2.1' } });
    expect((await api.get('//api/cluster/status')).status).toBe(200);
  });

  it('may have raw spaces in a GET', async () => {
    await api.create('pool', { name: 'my web pool' });
    const head = (line: string): string => `${line}\r\nHost: example:8443\r\nCookie: ${api.cookie}\r\n\r\n`;
    const answer = await api.raw(head('GET //api/pool?name=my web pool&fields=name HTTP/1.1'));
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(answer).toMatch(/connection: close/i);
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as {
      count: number;
      results: Json[];
    };
    expect(body.count).toBe(1);
    expect(body.results[0]).toMatchObject({
      name: 'my web pool',
      url: expect.stringMatching(/^https:\/\/example:8443\/api\/pool\//),
    });
    expect(await api.raw('GET /api/pool?name=a b HTTP/1.1\r\nHost: h\r\n\r\n')).toMatch(/^HTTP\/1.1 401 /);
    expect(await api.raw('POST /api/po ol HTTP/1.1\r\nHost: h\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect(await api.raw('nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
  });

  it('that are unknown are a 404 in JSON', async () => {
    for (const path of ['/api/nosuch', '/api/nosuch/x', '/api/pool/x/y/z', '/nothing']) {
      const reply = await api.get(path);
      expect([reply.status, reply.body['code']]).toEqual([404, 'PATH_NOT_FOUND']);
    }
    const missing = await api.get('/api/vsvip/vsvip-1');
    expect([missing.status, missing.body['error']]).toEqual([404, 'VsVip object not found!']);
    expect((await api.get('/api/pool/%zz')).status).toBe(400);
  });

  it('of singletons have no uuid, and take GET, PUT and PATCH', async () => {
    for (const kind of ['systemconfiguration', 'controllerproperties', 'seproperties', 'cluster']) {
      const reply = await api.get(`/api/${kind}`);
      expect(reply.status).toBe(200);
      expect(reply.body['url']).toBe(`${api.base}/api/${kind}`);
      expect((await api.put(`/api/${kind}`, reply.body)).status).toBe(200);
      expect((await api.post(`/api/${kind}`, {})).status).toBe(405);
      expect((await api.delete(`/api/${kind}`)).status).toBe(405);
    }
  });
});

describe('every reply', () => {
  it('echoes the version with underscores, or says the oldest; a nonsense version is refused', async () => {
    expect((await api.get('/api/pool')).headers['avi_api_version']).toBe('16_4_2');
    expect((await api.get('/api/pool', { 'X-Avi-Version': '22.1.3' })).headers['avi_api_version']).toBe(
      '22_1_3',
    );
    const bad = await api.get('/api/pool', { 'X-Avi-Version': 'latest' });
    expect([bad.status, bad.body['error']]).toEqual([400, expect.stringMatching(/^Invalid version latest/)]);
  });

  it('carries the security headers, and Allow on a list', async () => {
    const { headers } = await api.get('/api/pool');
    expect(headers).toMatchObject({
      vary: 'Accept, Cookie',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'strict-transport-security': expect.stringMatching(/max-age/),
      allow: expect.stringMatching(/GET, POST/),
    });
  });
});

describe('objects of every kind', () => {
  it.each(kindNames())('%s have no null and no empty list, and are taken back as they are', async (kind) => {
    const reply = await api.get(`/api/${kind}?page_size=200`);
    expect(reply.status).toBe(200);
    const objects = kinds[kind].singleton ? [reply.body] : (reply.body['results'] as Json[]);
    for (const object of objects) {
      expect(holes(object)).toEqual([]);
      expect(object).toMatchObject({ uuid: expect.any(String), url: expect.stringMatching(/^https:/) });
    }
    const [first] = objects;
    if (!first) return;
    const path = kinds[kind].singleton ? `/api/${kind}` : `/api/${kind}/${uuidOf(first)}`;
    const written = await api.put(path, first);
    expect([written.status, written.headers['x-spillway-unknown']]).toEqual([200, undefined]);
  });
});

describe('without a session', () => {
  it('only the cluster answers', async () => {
    const stranger = instance.client();
    for (const path of ['/api/cluster', '/api/cluster/runtime', '/api/cluster/status', '/api/initial-data'])
      expect((await stranger.get(path)).status).toBe(200);
    expect((await stranger.get('/api/cluster/runtime')).body).toMatchObject({
      node_states: [{ role: 'CLUSTER_LEADER' }],
      cluster_state: { state: 'CLUSTER_UP_NO_HA', progress: 100 },
    });
    for (const path of ['/api/pool', '/api/pool/x', '/api/cluster/version', '/api/systemconfiguration'])
      expect((await stranger.get(path)).status).toBe(401);
    expect((await stranger.put('/api/cluster', {})).status).toBe(401);
  });
});
