import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { program } from './program.js';

type Json = Record<string, unknown>;

/** Objects by kind; a controller that knows names, and one action. */
let objects: Map<string, Json[]>;
let server: Server;
let dir: string;
let printed: string[];

const FILE = `
kind: virtualservice
name: shop
pool_ref: shop-pool
---
kind: pool
name: shop-pool
`;

const engine = (name: string, more: object): object => ({
  se_uuid: `serviceengine-${name}`,
  se_name: name,
  state: 'OPER_DOWN',
  success_percent: 50,
  ...more,
});
const HMONSTAT = [
  {
    uuid: '10.0.0.1:80',
    oper_status: { state: 'OPER_DOWN' },
    health_monitor: [
      {
        name: 'web',
        checks_passed: 1,
        checks_failed: 1,
        success_percent: 50,
        service_engine: [
          engine('se-1', { last_check: { at: {}, duration_ms: 0, made_by_se_uuid: 'serviceengine-se-2' } }),
          engine('se-2', {
            last_check: {
              at: {},
              duration_ms: 7,
              passed: false,
              failure_code: 'NO_RESPONSE',
              failure_text: 'no answer',
              sent: 'GET /',
              received: '',
            },
          }),
          engine('se-3', { state: 'OPER_UNKNOWN', reason: 'it is not connected to this controller' }),
        ],
      },
    ],
  },
];

function answer(method: string, url: URL): [number, unknown] {
  const [, , kind = '', uuid, action] = url.pathname.split('/');
  const list = objects.get(kind) ?? [];
  if (url.pathname.endsWith('/hmonstat')) return [200, { results: HMONSTAT, query: url.search }];
  if (action !== undefined)
    return [200, { operation_uuid: 'operation-1', operation: { uuid: 'operation-1', state: 'running' } }];
  if (method === 'DELETE') {
    objects.set(
      kind,
      list.filter((o) => o['uuid'] !== uuid),
    );
    return [204, undefined];
  }
  if (uuid !== undefined) return [200, list.find((o) => o['uuid'] === uuid) ?? { vip: [{ vip_id: '0' }] }];
  const name = url.searchParams.get('name');
  const results = list.filter((o) => name === null || o['name'] === name);
  return [200, { count: results.length, results }];
}

async function run(...args: string[]): Promise<string> {
  printed = [];
  await program().parseAsync(args, { from: 'user' });
  return printed.join('\n');
}

const environment = process.env['SPILLWAY_CONTEXT'];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'spillway-cli-'));
  objects = new Map([
    [
      'virtualservice',
      [{ uuid: 'virtualservice-1', name: 'shop', vsvip_ref: 'https://h/api/vsvip/vsvip-1#shop' }],
    ],
    ['pool', [{ uuid: 'pool-1', name: 'shop-pool' }]],
  ]);
  server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      if (request.url === '/login') {
        response.setHeader('set-cookie', ['csrftoken=c; Path=/', 'sessionid=s; HttpOnly']);
        return response.end('{}');
      }
      const [status, body] = answer(request.method ?? '', new URL(request.url ?? '', 'http://h'));
      response.writeHead(status, { 'content-type': 'application/json' });
      return response.end(body === undefined ? undefined : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const file = join(dir, 'context.json');
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(file, JSON.stringify({ api, username: 'admin', password: 'secret' }));
  process.env['SPILLWAY_CONTEXT'] = file;
  writeFileSync(join(dir, 'shop.yaml'), FILE);
  jest.spyOn(console, 'log').mockImplementation((line: unknown) => void printed.push(String(line)));
});

afterEach(async () => {
  jest.restoreAllMocks();
  if (environment === undefined) delete process.env['SPILLWAY_CONTEXT'];
  else process.env['SPILLWAY_CONTEXT'] = environment;
  rmSync(dir, { recursive: true });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('delete -f', () => {
  it('deletes what the files hold, those first that refer to others; again is no error', async () => {
    const file = join(dir, 'shop.yaml');
    expect(await run('delete', '-f', file)).toBe('virtualservice shop deleted\npool shop-pool deleted');
    expect([objects.get('virtualservice'), objects.get('pool')]).toEqual([[], []]);
    expect(JSON.parse(await run('delete', '-f', file, '-o', 'json'))).toEqual([
      { kind: 'virtualservice', name: 'shop', result: 'not found' },
      { kind: 'pool', name: 'shop-pool', result: 'not found' },
    ]);
  });

  it('is either names or files', async () => {
    await expect(run('delete')).rejects.toThrow('delete takes a kind and names, or -f with files');
    await expect(run('delete', 'pool')).rejects.toThrow('delete takes a kind and names');
    await expect(run('delete', 'pool', 'a', '-f', 'x')).rejects.toThrow('delete takes a kind and names');
    expect(await run('delete', 'pool', 'shop-pool')).toBe('pool shop-pool deleted');
  });
});

const lines = (text: string): string[] => text.split('\n').map((line) => line.replaceAll(/ +/g, ' ').trim());

describe('monitors', () => {
  it('shows how often checks pass', async () => {
    expect(lines(await run('monitors', 'shop-pool'))).toEqual([
      'SERVER STATE MONITOR SUCCESS PASSED FAILED',
      '10.0.0.1:80 DOWN web 50 % 1 1',
    ]);
    await expect(run('monitors', 'shop-pool', '--window', 'long')).rejects.toThrow(/--window long: a number/);
  });

  it('shows what each SE says of a server, whose check it was, and what was said', async () => {
    expect(lines(await run('monitors', 'shop-pool', '10.0.0.1:80'))).toEqual([
      'MONITOR SERVICE ENGINE STATE SUCCESS LAST CHECK REASON',
      'web se-1 DOWN 50 % by se-2 -',
      'web se-2 DOWN 50 % 7 ms NO_RESPONSE: no answer',
      'web se-3 UNKNOWN 50 % - it is not connected to this controller',
      '',
      'Last check of web on se-2',
      'sent GET /',
      'received',
    ]);
  });
});

describe('an action', () => {
  it('prints its operation in the format that was asked for', async () => {
    expect(JSON.parse(await run('scaleout', 'shop', '-o', 'json'))).toMatchObject({ uuid: 'operation-1' });
    expect(await run('scalein', 'shop', '-o', 'yaml')).toContain('uuid: operation-1');
    expect(await run('scaleout', 'shop', '-o', 'name')).toBe('operation-1');
    expect(await run('scaleout', 'shop')).toBe('operation-1');
  });
});
