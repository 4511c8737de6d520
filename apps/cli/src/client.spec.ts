import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client, parseEvent } from './client.js';
import type { Context } from './context.js';
import { EXIT } from './errors.js';
import { follow } from './progress.js';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

describe('Client', () => {
  let server: Server;
  let dir: string;
  let context: Context;
  let logins = 0;
  let handler: Handler;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'spillway-cli-'));
    logins = 0;
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (c: Buffer) => chunks.push(c));
      request.on('end', () => {
        if (request.url !== '/login') return handler(request, response, Buffer.concat(chunks).toString());
        logins += 1;
        response.setHeader('set-cookie', [
          `csrftoken=c${logins}; Path=/; Secure`,
          `sessionid=s${logins}; HttpOnly`,
        ]);
        response.end('{}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    context = {
      api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      username: 'admin',
      password: 'secret',
      file: join(dir, 'context.json'),
    };
  });

  afterEach(async () => {
    rmSync(dir, { recursive: true });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('logs in once, sends cookies and CSRF token, and logs in again when the session has gone', async () => {
    const seen: string[] = [];
    handler = (request, response) => {
      seen.push(`${String(request.headers['x-csrftoken'])} ${request.headers.cookie ?? ''}`);
      if (seen.length === 2) json(response, 401, { error: 'session expired' });
      else json(response, 200, { ok: true });
    };
    const client = new Client(context);
    await client.get('/api/pool');
    await client.get('/api/pool');
    expect(logins).toBe(2);
    expect(seen).toEqual([
      'c1 csrftoken=c1; sessionid=s1',
      'c1 csrftoken=c1; sessionid=s1',
      'c2 csrftoken=c2; sessionid=s2',
    ]);
  });

  it('keeps the session in a file of the user alone, without the password', async () => {
    handler = (_request, response) => json(response, 200, {});
    await new Client(context).get('/api/pool');
    expect(statSync(context.file).mode & 0o777).toBe(0o600);
    expect(readFileSync(context.file, 'utf8')).not.toContain('secret');
  });

  it('follows the pages of a list', async () => {
    handler = (request, response) => {
      const page = new URL(request.url ?? '', context.api).searchParams.get('page') ?? '1';
      const next = page === '3' ? {} : { next: `https://other-name/api/pool?page=${Number(page) + 1}` };
      json(response, 200, { count: 3, results: [{ name: `p${page}` }], ...next });
    };
    expect((await new Client(context).list('/api/pool')).map((r) => r['name'])).toEqual(['p1', 'p2', 'p3']);
  });

  it.each([
    [404, EXIT.notFound],
    [403, EXIT.denied],
    [409, EXIT.conflict],
    [412, EXIT.conflict],
    [500, EXIT.failed],
  ])('turns %i into exit code %i with the words of the server', async (status, exitCode) => {
    handler = (_request, response) => json(response, status, { error: 'no such thing' });
    await expect(new Client(context).get('/api/pool/x')).rejects.toMatchObject({
      exitCode,
      message: `no such thing (${status})`,
    });
  });

  it('says that the controller cannot be reached', async () => {
    const gone = { ...context, api: 'http://127.0.0.1:1' };
    await expect(new Client(gone).get('/api/pool')).rejects.toMatchObject({ exitCode: EXIT.unreachable });
  });

  it('follows an operation through its events to success', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [state, progress] of [
        ['running', 10],
        ['succeeded', 100],
      ])
        response.write(
          `event: operation\ndata: ${JSON.stringify({ uuid: 'o', state, progress, text: 'Currently scaling out' })}\n\n`,
        );
    };
    expect(await follow(new Client(context), 'o', { timeout: 10, quiet: true })).toMatchObject({
      state: 'succeeded',
    });
  });

  it('makes a failed operation an error and a late one a time-out', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"uuid":"o","state":"failed","error":"no spare capacity"}\n\n');
    };
    await expect(follow(new Client(context), 'o', { timeout: 10, quiet: true })).rejects.toThrow(
      'no spare capacity',
    );
    handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"uuid":"o","state":"running"}\n\n');
    };
    await expect(follow(new Client(context), 'o', { timeout: 0.2, quiet: true })).rejects.toMatchObject({
      exitCode: EXIT.timeout,
    });
  });
});

describe('parseEvent', () => {
  it('joins data lines and ignores comments', () => {
    expect(parseEvent(': hello\nevent: x\ndata: a\ndata:b')).toEqual({ event: 'x', data: 'a\nb' });
  });
});
