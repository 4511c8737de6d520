import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import 'reflect-metadata';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { KeyObject, webcrypto } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { Scope } from '../process/scope.js';
import { ApiClient, ApiError } from './api-client.js';

/** A server with the session rules of the API, as far as a client has to follow them. */
class StubApi {
  session = 0;
  requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
  answers: { status?: number; body?: unknown }[] = [];

  handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    request.setEncoding('utf8');
    let body = '';
    for await (const chunk of request) body += chunk;
    this.requests.push({ method: request.method!, url: request.url!, headers: request.headers, body });
    if (request.url === '/login') {
      const { password } = JSON.parse(body) as { password: string };
      if (password !== 'right') {
        response.writeHead(401).end('bad credentials');
        return;
      }
      this.session++;
      response
        .writeHead(200, {
          'content-type': 'application/json',
          'set-cookie': [
            `csrftoken=t${this.session}; Path=/; Secure`,
            `avi-sessionid=s${this.session}; HttpOnly`,
          ],
        })
        .end('{"session_cookie_name":"avi-sessionid"}');
      return;
    }
    const known = request.headers.cookie?.includes(`avi-sessionid=s${this.session}`);
    if (!known || request.headers['x-csrftoken'] !== `t${this.session}`) {
      response.writeHead(401).end('CSRF token missing or incorrect.');
      return;
    }
    const { status = 200, body: answer } = this.answers.shift() ?? {};
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(answer === undefined ? '' : JSON.stringify(answer));
  };
}

async function selfSigned(): Promise<{ key: string; cert: string }> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=stub',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { key, cert: certificate.toString('pem') };
}

function operation(state: string, extra = {}) {
  return {
    body: {
      uuid: 'o',
      type: 'scaleout',
      state,
      step: 'ready',
      text: 'Currently scaling out',
      progress: 50,
      ...extra,
    },
  };
}

let scope: Scope;
let stub: StubApi;
let client: ApiClient;
beforeEach(async () => {
  scope = new Scope('api-client-spec');
  stub = new StubApi();
  const { key, cert } = await selfSigned();
  const server = createServer({ key, cert }, (request, response) => void stub.handle(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  scope.defer('server', () => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as { port: number };
  client = new ApiClient({
    url: `https://127.0.0.1:${port}`,
    username: 'admin',
    password: 'right',
    ca: cert,
    tenant: 'admin',
  });
  scope.defer('client', () => client.close());
});
afterEach(() => scope.close());

describe('API client', () => {
  it('logs in by itself, sends cookies and CSRF token, and logs in again when the session is gone', async () => {
    stub.answers.push({ body: { name: 'p' } }, { body: { name: 'q' } });
    expect(await client.get('/api/pool/1')).toEqual({ name: 'p' });
    expect(stub.session).toBe(1);
    stub.session = 7;
    expect(await client.post('/api/pool', { name: 'q' })).toEqual({ name: 'q' });
    const last = stub.requests.at(-1)!;
    expect(last).toMatchObject({ method: 'POST', url: '/api/pool', body: '{"name":"q"}' });
    expect(last.headers).toMatchObject({ 'x-avi-tenant': 'admin', 'x-csrftoken': 't8' });
  });

  it('refuses loudly, with the words of the API', async () => {
    stub.answers.push({ status: 409, body: { error: 'exists' } });
    await client.login();
    const refused = client.post('/api/pool', {});
    await expect(refused).rejects.toBeInstanceOf(ApiError);
    await expect(refused).rejects.toThrow('POST /api/pool: 409 {"error":"exists"}');
    const wrong = new ApiClient({ ...client['options'], password: 'wrong' });
    await expect(wrong.login()).rejects.toThrow('401 bad credentials');
    wrong.close();
  });

  it('trusts only the CA it was given', async () => {
    const stranger = new ApiClient({ ...client['options'], ca: '' });
    await expect(stranger.login()).rejects.toThrow(/self-signed|certificate/);
    stranger.close();
  });

  it('waits for the end of an operation and shows how another end came', async () => {
    await client.login();
    stub.answers.push(operation('running'), operation('waiting'), operation('succeeded'));
    expect((await client.waitOperation('o')).state).toBe('succeeded');
    stub.answers.push(operation('running'), operation('failed', { error: 'no room', error_code: 'AT_MAX' }));
    await expect(client.waitOperation('o')).rejects.toThrow(/is failed at step ready.*AT_MAX no room/);
    for (let i = 0; i < 50; i++) stub.answers.push(operation('running'));
    await expect(client.waitOperation('o', { within: 100 })).rejects.toThrow(/is running at step ready/);
  });
});
