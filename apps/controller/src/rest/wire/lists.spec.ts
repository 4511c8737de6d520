import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiSession, Json } from '../../testing/api-session.js';
import { startApiInstance, type ApiInstance } from '../../testing/api-instance.js';

let instance: ApiInstance;
let api: ApiSession;
beforeAll(async () => {
  instance = await startApiInstance();
  api = await instance.admin();
  const hm = await api.create('healthmonitor', { name: 'hm', type: 'HEALTH_MONITOR_TCP' });
  for (let i = 1; i <= 7; i += 1)
    await api.create('pool', {
      name: `Vs-Pool-${i}`,
      enabled: i % 2 === 0,
      default_server_port: 8000 + i,
      lb_algorithm: i < 4 ? 'LB_ALGORITHM_ROUND_ROBIN' : 'LB_ALGORITHM_LEAST_CONNECTIONS',
      servers: [{ ip: { addr: `10.0.0.${i}`, type: 'V4' } }],
      ...(i === 1 ? { health_monitor_refs: [hm.url], description: 'The FIRST one' } : {}),
    });
}, 60_000);
afterAll(() => instance.close());

const names = async (query: string): Promise<string[]> =>
  (await api.list(`/api/pool?${query}`)).map((o) => o.name.replace('Vs-Pool-', ''));

describe('an empty list', () => {
  it('is 200 with count and results', async () => {
    const reply = await api.get('/api/poolgroup');
    expect([reply.status, reply.text]).toEqual([200, '{"count":0,"results":[]}']);
  });
});

describe('filters', () => {
  it.each([
    ['name=Vs-Pool-3', '3'],
    ['name=pool-3', ''],
    ['name.contains=Pool-3', '3'],
    ['name.icontains=pool-3', '3'],
    ['name.in=Vs-Pool-3,Vs-Pool-5', '35'],
    ['name.in=Vs-Pool-3,Vs-Pool-5&exclude=name.in', '12467'],
    ['enabled=true', '246'],
    ['enabled=True', '246'],
    ['enabled=true&exclude=enabled', '1357'],
    ['default_server_port=8005', '5'],
    ['servers.ip.addr=10.0.0.6', '6'],
    ['cloud_ref.name=Default-Cloud', '1234567'],
    ['cloud_ref.name=Other', ''],
    ['cloud=Default-Cloud&name=Vs-Pool-1', '1'],
    ['health_monitor_refs.name=hm', '1'],
    ['health_monitor_refs=/api/healthmonitor?name=hm', '1'],
    ['lb_algorithm.contains=ROUND', '123'],
    ['search=ROUND_ROBIN', '123'],
    ['search=first', ''],
    ['isearch=first', '1'],
    ['search=(name,Pool-4)', '4'],
    ['search=(name,10.0.0.4)', ''],
    ['search=10.0.0.4', '4'],
  ])('%s', async (query, expected) => {
    expect((await names(query)).join('')).toBe(expected);
  });

  it('of uuids and of references by uuid', async () => {
    const third = await api.find('pool', 'Vs-Pool-3');
    const uuid = third.uuid;
    expect(await names(`uuid=${uuid}`)).toEqual(['3']);
    expect(await names(`uuid.in=${uuid},x`)).toEqual(['3']);
    const cloud = await api.find('cloud', 'Default-Cloud');
    for (const query of [
      `cloud_ref.uuid=${cloud.uuid}`,
      `cloud_uuid=${cloud.uuid}`,
      `cloud_ref=${encodeURIComponent(cloud.url.split('#')[0] ?? '')}`,
    ])
      expect(await names(query)).toHaveLength(7);
  });

  it('by the graph of references', async () => {
    const hm = await api.find('healthmonitor', 'hm');
    const first = await api.find('pool', 'Vs-Pool-1');
    expect(await names(`refers_to=healthmonitor:${hm.uuid}`)).toEqual(['1']);
    const used = await api.list(`/api/healthmonitor?referred_by=pool:${first.uuid}`);
    expect(used.map((o) => o['name'])).toEqual(['hm']);
  });
});

describe('order', () => {
  it('is by name, or by the asked fields', async () => {
    expect((await names('')).join('')).toBe('1234567');
    expect((await names('sort=-name')).join('')).toBe('7654321');
    expect((await names('sort=enabled,-default_server_port')).join('')).toBe('7531642');
    expect((await names('sort=-_last_modified'))[0]).toBe('7');
  });
});

describe('pages', () => {
  it('link to the next one absolutely, with every other parameter, until the last', async () => {
    const seen: unknown[] = [];
    let url: string | undefined = '/api/pool?page_size=3&include_name=&sort=-name&name.contains=Pool';
    let pages = 0;
    while (url !== undefined) {
      const reply = await api.get(url.replace(api.base, ''));
      expect(reply.body['count']).toBe(7);
      seen.push(...(reply.body['results'] as Json[]).map((o) => o['name']));
      const next = reply.body['next'] as string | undefined;
      if (next !== undefined) expect(next).toMatch(new RegExp(`^${api.base}/api/pool\\?.*page=${pages + 2}`));
      url = next;
      pages += 1;
    }
    expect(pages).toBe(3);
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1].map((i) => `Vs-Pool-${i}`));
  });

  it('have bounds that a refusal names', async () => {
    const reply = await api.get('/api/pool?page_size=500');
    expect([reply.status, reply.body['error']]).toEqual([400, expect.stringMatching(/page_size.*1 to 200/)]);
    expect((await api.get('/api/pool?page=99')).body).toEqual({ count: 7, results: [] });
    expect((await api.get('/api/pool?limit_by=2')).body['count']).toBe(2);
  });
});

describe('representation', () => {
  it('keeps only the asked fields, and always uuid, url and name', async () => {
    const [pool] = await api.list('/api/pool?name=Vs-Pool-1&fields=enabled,servers');
    expect(Object.keys(pool ?? {}).sort()).toEqual(['enabled', 'name', 'servers', 'url', 'uuid']);
  });

  it('carries names in links only when asked', async () => {
    for (const query of ['include_name', 'include_name=', 'include_name=true', 'include_refs=']) {
      const [pool] = await api.list(`/api/pool?name=Vs-Pool-1&${query}`);
      expect(pool).toMatchObject({
        url: expect.stringMatching(/#Vs-Pool-1$/),
        health_monitor_refs: [expect.stringMatching(/#hm$/)],
      });
    }
    for (const query of ['', 'include_name=false']) {
      const [pool] = await api.list(`/api/pool?name=Vs-Pool-1&${query}`);
      expect(JSON.stringify(pool)).not.toMatch(/#/);
    }
  });

  it('leaves defaults out when asked', async () => {
    const [pool] = await api.list('/api/pool?name=Vs-Pool-5&skip_default=true');
    expect(pool).not.toHaveProperty('lb_algorithm');
    expect(pool).toMatchObject({
      enabled: false,
      default_server_port: 8005,
      servers: [{ ip: { addr: '10.0.0.5' } }],
    });
    expect(pool).not.toHaveProperty('servers.0.ratio');
    const full = await api.find('pool', 'Vs-Pool-5');
    expect(full).toMatchObject({ lb_algorithm: 'LB_ALGORITHM_LEAST_CONNECTIONS', servers: [{ ratio: 1 }] });
  });

  it('is that of the host that was called', async () => {
    const reply = await api.get('/api/pool?name=Vs-Pool-1', { Host: 'lb.example.com:444' });
    expect((reply.body['results'] as Json[])[0]?.['url']).toMatch(
      /^https:\/\/lb\.example\.com:444\/api\/pool\//,
    );
    const odd = await api.get('/api/pool?name=Vs-Pool-1', { Host: 'a"b<c>' });
    expect((odd.body['results'] as Json[])[0]?.['url']).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/api\/pool\//);
  });
});
