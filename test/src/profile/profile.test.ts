import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, freePort, run, Scope } from '@spillway/testing';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expectClean, Load } from '../support/load.js';
import { World } from '../support/world.js';
import { curl, type CurlResponse } from './curl.js';

jest.setTimeout(120_000);

type Json = Record<string, unknown>;

let scope: Scope;
let world: World;
let profileUrl: string;

beforeAll(async () => {
  scope = new Scope('profile');
  world = await World.create(scope, { serviceEngines: 1 });
  const made = await world.api.post('/api/applicationprofile', {
    name: 'web',
    type: 'APPLICATION_PROFILE_TYPE_HTTP',
    http_profile: {},
  });
  profileUrl = made.url;
  await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
    replace: { application_profile_ref: profileUrl },
  });
});
afterAll(async () => scope?.close());

const path = (url: string): string => new URL(url).pathname;

/** Gives the profile these settings, all others their defaults, and waits until `seen` shows them in traffic. */
async function profile(http: Json, seen: () => Promise<boolean>): Promise<void> {
  await world.api.patch(path(profileUrl), { replace: { http_profile: http } });
  await eventually(seen, {
    within: 10_000,
    every: 20,
    what: `the profile ${JSON.stringify(http)} to be live`,
  });
}

const base = (): string => `http://${world.vip4}:${world.port}`;
const ask = (target: string, ...args: string[]): Promise<CurlResponse> =>
  curl(world, `${base()}${target}`, ...args);

/** The fields of a request as a server got it, names in lower case. */
async function received(...args: string[]): Promise<[string, string][]> {
  return rawHeaders(await ask('/echo', ...args));
}

function rawHeaders({ body }: CurlResponse): [string, string][] {
  const echoed = JSON.parse(body) as { rawHeaders: [string, string][] };
  return echoed.rawHeaders.map(([name, value]) => [name.toLowerCase(), value]);
}
const values = (fields: readonly [string, string][], name: string): string[] =>
  fields.filter(([n]) => n === name).map(([, value]) => value);

/** Statuses of requests at the same time. */
const burst = (): Promise<number[]> =>
  Promise.all(Array.from({ length: 60 }, async () => (await ask('/')).status));

const COOKIES = '/?field=Set-Cookie:a=b&field=Set-Cookie:c=d;%20HttpOnly';

const header = (name: string, value: string): Json => ({
  request_header: name,
  request_header_value: `HTTP_POLICY_VAR_SSL_CLIENT_${value}`,
});

/** Makes an authority and a client's certificate, and shows what servers are told of it. */
async function certificates(
  tls: (target: string, ...args: string[]) => Promise<CurlResponse>,
): Promise<void> {
  const dir = await scope.tempDir('certificates');
  const at = (file: string): string => join(dir, file);
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: dir });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  );
  await openssl('req', ...key, '-keyout', 'c.key', '-out', 'c.csr', '-subj', '/O=Shop, Inc/CN=alice');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', '4711', '-days', '2'];
  await openssl('x509', '-req', '-in', 'c.csr', ...signed, '-out', 'c.pem');
  const pki = await world.api.post('/api/pkiprofile', {
    name: 'clients',
    crl_check: false,
    ca_certs: [{ certificate: await readFile(at('ca.pem'), 'utf8') }],
  });
  const made = await world.api.post('/api/applicationprofile', {
    name: 'certificates',
    type: 'APPLICATION_PROFILE_TYPE_HTTP',
    http_profile: {
      ssl_client_certificate_mode: 'SSL_CLIENT_CERTIFICATE_REQUEST',
      pki_profile_ref: pki.url,
      ssl_client_certificate_action: {
        headers: [header('X-Subject', 'SUBJECT'), header('X-Issuer', 'ISSUER'), header('X-Serial', 'SERIAL')],
      },
    },
  });
  await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
    replace: { application_profile_ref: made.url },
  });
  const told = async (...args: string[]): Promise<string[]> =>
    rawHeaders(await tls('/echo', '-H', 'X-Subject: CN=admin', ...args))
      .filter(([name]) => ['x-subject', 'x-issuer', 'x-serial'].includes(name))
      .map(([name, value]) => `${name}: ${value}`)
      .sort();
  const mine = ['--cert', at('c.pem'), '--key', at('c.key')];
  await eventually(async () => (await told(...mine)).length === 3, { within: 10_000, what: 'the headers' });
  for (const version of ['--http1.1', '--http2'])
    expect(await told(version, ...mine)).toEqual([
      'x-issuer: CN=Test CA',
      'x-serial: 1267',
      'x-subject: CN=alice,O=Shop\\, Inc',
    ]);
  // Nobody gets in as admin by saying so.
  expect(await told()).toEqual([]);
}

describe('an application profile, from the API to traffic', () => {
  it('says what servers are told of the client', () =>
    world.instance.watched(async () => {
      const seen = async (name: string): Promise<string[]> =>
        values(await received('-H', 'X-Forwarded-For: 9.9.9.9', '-H', 'X-Forwarded-Proto: https'), name);
      expect(await seen('x-forwarded-for')).toEqual([expect.stringMatching(/^127\./)]);
      await profile(
        {
          xff_update: 'APPEND_TO_THE_XFF_HEADER',
          x_forwarded_proto_enabled: true,
          request_id_header: 'X-Request-ID',
        },
        async () => (await seen('x-request-id')).length === 1,
      );
      expect((await seen('x-forwarded-for'))[0]).toMatch(/^9\.9\.9\.9, \S+$/);
      expect(await seen('x-forwarded-proto')).toEqual(['http']);
      expect(await seen('x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
      expect(values(await received('-H', 'X-Request-ID: mine'), 'x-request-id')).toEqual(['mine']);
    }));

  it('redirects to https', () =>
    world.instance.watched(async () => {
      const redirect = (): Promise<CurlResponse> => ask('/a?b=c', '-H', 'Host: shop.example:8080');
      await profile({ http_to_https: true }, async () => (await redirect()).status === 302);
      expect((await redirect()).fields.get('location')).toEqual(['https://shop.example/a?b=c']);
      const post = await ask('/', '--data', 'x');
      expect(post.status).toBe(307);
    }));

  it('marks cookies, and says nothing of HSTS without TLS', () =>
    world.instance.watched(async () => {
      await profile(
        { httponly_enabled: true, secure_cookie_enabled: true, hsts_enabled: true },
        async () => (await ask(COOKIES)).fields.get('set-cookie')?.[0] === 'a=b; HttpOnly',
      );
      const { fields } = await ask(COOKIES);
      expect(fields.get('set-cookie')).toEqual(['a=b; HttpOnly', 'c=d; HttpOnly']);
      expect(fields.has('strict-transport-security')).toBe(false);
    }));

  it('compresses what clients accept', () =>
    world.instance.watched(async () => {
      const group = await world.api.find('stringgroup', 'System-Compressible-Content-Types');
      const filter = [{ index: 1, name: 'all', level: 'NORMAL_COMPRESSION' }];
      const padding = ['-H', `X-Padding: ${'x'.repeat(2000)}`];
      const encoded = (...args: string[]): Promise<CurlResponse> => ask('/echo', ...padding, ...args);
      await profile(
        {
          compression_profile: {
            compression: true,
            type: 'CUSTOM_COMPRESSION',
            remove_accept_encoding_header: true,
            compressible_content_ref: group.url,
            filter,
          },
        },
        async () => (await encoded('-H', 'Accept-Encoding: gzip')).fields.has('content-encoding'),
      );
      for (const coding of ['gzip', 'br']) {
        const { fields, body } = await encoded('--compressed', '-H', `Accept-Encoding: ${coding}`);
        expect(fields.get('content-encoding')).toEqual([coding]);
        expect(fields.get('vary')).toEqual(['Accept-Encoding']);
        // curl has decoded it.
        expect(rawHeaders({ status: 200, fields, body }).map(([name]) => name)).not.toContain(
          'accept-encoding',
        );
      }
      expect((await encoded()).fields.has('content-encoding')).toBe(false);
    }));

  it('limits what clients send', () =>
    world.instance.watched(async () => {
      const large = (bytes: number): Promise<CurlResponse> => ask('/body', '-H', `X: ${'x'.repeat(bytes)}`);
      expect((await large(3000)).status).toBe(200);
      await profile({ client_max_header_size: 1 }, async () => (await large(3000)).status === 431);
      expect((await large(900)).status).toBe(200);
      await profile(
        { client_max_body_size: 1 },
        async () => (await ask('/body', '--data', 'x'.repeat(2000))).status === 413,
      );
      expect((await ask('/body', '--data', 'x'.repeat(1000))).body).toBe('x'.repeat(1000));
    }));

  it('holds a client to its requests per second', () =>
    world.instance.watched(async () => {
      await profile({ max_rps_cip: 10 }, async () => (await burst()).includes(429));
      await profile({}, async () => (await burst()).every((status) => status === 200));
    }));

  it('shows error pages, for what no server has answered', () =>
    world.instance.watched(async () => {
      const body = await world.api.post('/api/errorpagebody', {
        name: 'sorry',
        format: 'ERROR_PAGE_FORMAT_JSON',
        error_page_body: '{"status":{{status}},"reason":"{{reason}}","service":"{{virtual_service}}"}',
      });
      const pages = await world.api.post('/api/errorpageprofile', {
        name: 'pages',
        error_pages: [
          {
            index: 1,
            error_page_body_ref: body.url,
            match: { match_criteria: 'IS_IN', status_codes: [413, 431] },
          },
        ],
      });
      await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
        replace: { error_page_profile_ref: pages.url },
      });
      const refused = (): Promise<CurlResponse> => ask('/body', '--data', 'x'.repeat(2000));
      await profile({ client_max_body_size: 1 }, async () => (await refused()).status === 413);
      await eventually(
        async () => (await refused()).fields.get('content-type')?.[0] === 'application/json; charset=utf-8',
        { within: 10_000, every: 20, what: 'the page' },
      );
      expect(JSON.parse((await refused()).body)).toEqual({
        status: 413,
        reason: 'request body too large',
        service: 'vs',
      });
      expect((await ask('/status/413')).fields.get('x-origin')).toHaveLength(1);
      // Both are in use now.
      await expect(world.api.delete(path(pages.url))).rejects.toThrow();
    }));

  it('knows who has come with TLS, and by which certificate', () =>
    world.instance.watched(async () => {
      const tlsPort = world.netns ? 8443 : await freePort();
      const certificate = await world.api.find('sslkeyandcertificate', 'System-Default-Cert');
      const secure = await world.api.find('applicationprofile', 'System-Secure-HTTP');
      const vs = `/api/virtualservice/${world.vs.uuid}`;
      await world.api.patch(vs, {
        replace: {
          services: [{ port: world.port }, { port: tlsPort, enable_ssl: true, enable_http2: true }],
          ssl_key_and_certificate_refs: [certificate.url],
          application_profile_ref: secure.url,
        },
      });
      const tls = (target: string, ...args: string[]): Promise<CurlResponse> =>
        curl(world, `https://${world.vip4}:${tlsPort}${target}`, '-k', ...args);
      await eventually(async () => (await tls('/')).status === 200, {
        within: 15_000,
        every: 50,
        what: 'an answer over TLS',
      });
      // Without TLS: to the port that has it, at the host that was asked for.
      const plain = await ask('/a?b');
      expect([plain.status, plain.fields.get('location')]).toEqual([
        302,
        [`https://${world.vip4}:${tlsPort}/a?b`],
      ]);
      for (const version of ['--http1.1', '--http2']) {
        const { fields } = await tls(COOKIES, version);
        expect(fields.get('set-cookie')).toEqual(['a=b; Secure; HttpOnly', 'c=d; HttpOnly; Secure']);
        expect(fields.get('strict-transport-security')).toEqual(['max-age=31536000; includeSubDomains']);
        expect(rawHeaders(await tls('/echo', version))).toContainEqual(['x-forwarded-proto', 'https']);
        const moved = await tls(`/status/302?field=Location:http://${world.vip4}/x`, version);
        expect(moved.fields.get('location')).toEqual([`https://${world.vip4}:${tlsPort}/x`]);
      }
      await certificates(tls);
      await world.api.patch(vs, {
        replace: { services: [{ port: world.port }], application_profile_ref: profileUrl },
      });
      await eventually(async () => (await ask('/')).status === 200, { within: 10_000, what: 'no redirect' });
    }));

  it('costs nobody a request while it changes', () =>
    world.instance.watched(async () => {
      const load = await Load.start(world, { streams: false });
      for (let n = 0; n < 20; n++)
        await world.api.patch(path(profileUrl), {
          replace: {
            http_profile: {
              max_keepalive_requests: n % 2 === 0 ? 10 : 0,
              x_forwarded_proto_enabled: n % 3 === 0,
              connection_multiplexing_enabled: n % 5 !== 0,
              ...(n % 4 === 0 && { request_id_header: 'X-Request-ID' }),
            },
          },
        });
      await load.flowing();
      expectClean(await load.stop(), world);
    }));
});
