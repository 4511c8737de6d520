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

function answer(method: string, url: URL): [number, unknown] {
  const [, , kind = '', uuid, action] = url.pathname.split('/');
  const list = objects.get(kind) ?? [];
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

describe('an action', () => {
  it('prints its operation in the format that was asked for', async () => {
    expect(JSON.parse(await run('scaleout', 'shop', '-o', 'json'))).toMatchObject({ uuid: 'operation-1' });
    expect(await run('scalein', 'shop', '-o', 'yaml')).toContain('uuid: operation-1');
    expect(await run('scaleout', 'shop', '-o', 'name')).toBe('operation-1');
    expect(await run('scaleout', 'shop')).toBe('operation-1');
  });
});
