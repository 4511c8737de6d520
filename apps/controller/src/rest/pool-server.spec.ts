import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiSession, Json } from '../testing/api-session.js';
import { startApiInstance, type ApiInstance } from '../testing/api-instance.js';
import { choiceOf } from './kinds/server-choice.js';

let instance: ApiInstance;
let api: ApiSession;
beforeAll(async () => {
  instance = await startApiInstance();
  api = await instance.admin();
}, 60_000);
afterAll(() => instance.close());

const v4 = (addr: string): Json => ({ addr, type: 'V4' });

interface Listed extends Json {
  ip: { addr: string; type: string };
  hostname: string;
  enabled: boolean;
  disable_immediately: boolean;
  disabled_at?: number;
}

const serversOf = async (uuid: string): Promise<Listed[]> =>
  ((await api.get(`/api/pool/${uuid}`)).body['servers'] ?? []) as Listed[];

const act = async (uuid: string, action: string, body: Json): Promise<Json> => {
  const reply = await api.post(`/api/pool/${uuid}/server/${action}`, body);
  return { status: reply.status, ...reply.body };
};

describe('choiceOf', () => {
  it.each([
    ['10.0.0.5', '10.0.0.5', undefined],
    [' 10.0.0.5:8080 ', '10.0.0.5', 8080],
    ['[fd00::1]:80', 'fd00::1', 80],
    ['[fd00::1]', 'fd00::1', undefined],
    ['fd00::1', 'fd00::1', undefined],
    ['10.0.0.5-10.0.0.9', '10.0.0.5-10.0.0.9', undefined],
    ['10.0.0.5-10.0.0.9:81', '10.0.0.5-10.0.0.9', 81],
    ['app-1.example:443', 'app-1.example', 443],
  ])('reads %s', (text, address, port) => {
    expect(choiceOf(text)).toEqual({ text, address, port });
  });

  it.each(['', ':80', '10.0.0.5:', '10.0.0.5:0', '10.0.0.5:70000', '[fd00::1'])('refuses %j', (text) => {
    expect(choiceOf(text)).toBeUndefined();
  });
});

describe('servers of a pool', () => {
  it('are written as ranges', async () => {
    const { uuid } = await api.create('pool', {
      name: 'ranges',
      servers: [{ ip: v4('10.0.0.254-10.0.1.1'), ratio: 3 }, { ip: { addr: 'fd00::9-fd00::a', type: 'V6' } }],
    });
    const servers = await serversOf(uuid);
    expect(servers.map((s) => [s.ip.addr, s.ip.type, s.hostname, s['ratio']])).toEqual([
      ['10.0.0.254', 'V4', '10.0.0.254', 3],
      ['10.0.0.255', 'V4', '10.0.0.255', 3],
      ['10.0.1.0', 'V4', '10.0.1.0', 3],
      ['10.0.1.1', 'V4', '10.0.1.1', 3],
      ['fd00::9', 'V6', 'fd00::9', 1],
      ['fd00::a', 'V6', 'fd00::a', 1],
    ]);
    for (const addr of [
      '10.0.0.9-10.0.0.5',
      '10.0.0.1-x',
      '10.0.0.0-10.1.0.0',
      '10.0.0.1-10.0.0.2-10.0.0.3',
    ]) {
      const reply = await api.post('/api/pool', { name: 'no', servers: [{ ip: v4(addr) }] });
      expect([reply.status, reply.body['field']]).toEqual([400, 'servers[0].ip.addr']);
    }
  });

  it('are disabled at once, gracefully, and enabled by action', async () => {
    const { uuid } = await api.create('pool', {
      name: 'actions',
      default_server_port: 8080,
      servers: ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((a) => ({ ip: v4(a) })),
    });
    const began = Date.now();
    expect(await act(uuid, 'disable', { servers: ['10.0.0.1'] })).toMatchObject({ status: 200, count: 3 });
    expect(
      await act(uuid, 'disable', { servers: [{ ip: v4('10.0.0.2'), port: 8080 }], graceful: true }),
    ).toMatchObject({ status: 200 });
    const states = async (): Promise<unknown[]> =>
      (await serversOf(uuid)).map((s) => [s.enabled, s.disable_immediately, s.disabled_at !== undefined]);
    expect(await states()).toEqual([
      [false, true, true],
      [false, false, true],
      [true, false, false],
    ]);
    const since = (await serversOf(uuid))[1]!.disabled_at!;
    expect(since).toBeGreaterThanOrEqual(began);
    // Neither another edit nor a client that writes back what it read begins the time anew.
    const { body } = await api.get(`/api/pool/${uuid}`);
    expect((await api.put(`/api/pool/${uuid}`, { ...body, description: 'x' })).status).toBe(200);
    await act(uuid, 'disable', { servers: ['10.0.0.2'], graceful: true });
    expect((await serversOf(uuid))[1]!.disabled_at).toBe(since);
    await act(uuid, 'enable', { servers: ['10.0.0.1-10.0.0.2'] });
    expect(await states()).toEqual([
      [true, false, false],
      [true, false, false],
      [true, false, false],
    ]);
  });

  it('are added and removed by action', async () => {
    const { uuid } = await api.create('pool', { name: 'list', servers: [{ ip: v4('10.0.0.1') }] });
    const added = await act(uuid, 'add', {
      servers: ['10.0.0.5-10.0.0.6:81', 'fd00::1', 'app.example', { ip: v4('10.0.0.9'), ratio: 2 }],
    });
    expect(added).toMatchObject({ status: 200, count: 6 });
    const servers = await serversOf(uuid);
    expect(servers.map((s) => [s.ip.addr, s['port'] ?? 0])).toEqual([
      ['10.0.0.1', 0],
      ['10.0.0.5', 81],
      ['10.0.0.6', 81],
      ['fd00::1', 0],
      ['app.example', 0],
      ['10.0.0.9', 0],
    ]);
    expect(servers[4]).toMatchObject({ resolve_server_by_dns: true, ip: { type: 'DNS' } });
    await act(uuid, 'remove', { servers: ['10.0.0.5', 'App.Example', 'fd00::1', '10.0.0.9:80'] });
    expect((await serversOf(uuid)).map((s) => s.ip.addr)).toEqual(['10.0.0.1', '10.0.0.6']);
  });

  it('that are not there, and pools that list none, are refused with the reason', async () => {
    const { uuid } = await api.create('pool', { name: 'few', servers: [{ ip: v4('10.0.0.1') }] });
    expect(await act(uuid, 'disable', { servers: ['10.0.0.1:81'] })).toMatchObject({
      status: 400,
      code: 'SERVER_NOT_FOUND',
      error: expect.stringMatching(/Pool few has no server 10\.0\.0\.1:81/),
    });
    for (const body of [{}, { servers: [] }, { servers: [7] }, { servers: ['10.0.0.1'], graceful: 'yes' }])
      expect(await act(uuid, 'disable', body)).toMatchObject({ status: 400, code: 'FIELD_INVALID' });
    expect((await serversOf(uuid))[0]!.enabled).toBe(true);
    await api.create('ipaddrgroup', { name: 'g', addrs: [v4('10.0.0.1')] });
    const grouped = await api.create('pool', { name: 'grouped', ipaddrgroup_ref: 'g' });
    expect(await act(grouped.uuid, 'disable', { servers: ['10.0.0.1'] })).toMatchObject({
      status: 400,
      error: expect.stringMatching(/takes its servers from an IP group/),
    });
    expect((await api.post('/api/pool/pool-none/server/disable', { servers: ['1.1.1.1'] })).status).toBe(404);
  });
});
