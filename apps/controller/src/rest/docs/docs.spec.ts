import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Endpoints } from '../../config/endpoints.js';
import type { Json } from '../../testing/api-session.js';
import { startApiInstance, type ApiInstance } from '../../testing/api-instance.js';
import { EXTRA_PATHS } from './extra-paths.js';

let instance: ApiInstance;
beforeAll(async () => {
  instance = await startApiInstance();
}, 60_000);
afterAll(() => instance.close());

describe('the description of the API', () => {
  it('is OpenAPI 3.1, and every reference in it leads somewhere', async () => {
    const { status, body, headers } = await instance.client().get('/api/openapi.json');
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    expect(body).toMatchObject({
      openapi: '3.1.0',
      paths: { '/api/pool': {}, '/api/pool/{uuid}': {}, '/login': {} },
    });
    const missing = new Set<string>();
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, held] of Object.entries(value)) {
        if (key === '$ref' && typeof held === 'string') {
          const target = held
            .slice(2)
            .split('/')
            .reduce<unknown>((at, step) => (at as Json | undefined)?.[step], body);
          if (target === undefined) missing.add(held);
        } else visit(held);
      }
    };
    visit(body);
    expect([...missing]).toEqual([]);
  });

  it('names paths beside those of kinds that the controller has', async () => {
    const api = await instance.admin();
    for (const [path, item] of Object.entries(EXTRA_PATHS)) {
      const method = ['get', 'post', 'put', 'delete'].find((m) => m in item) ?? 'get';
      const reply = await api.json(method.toUpperCase(), path.replace('{uuid}', 'virtualservice-1'), {});
      expect([path, reply.body['code'] === 'PATH_NOT_FOUND']).toEqual([path, false]);
      if (path === '/logout') await api.login('admin', 'correct horse battery');
    }
  });
});

describe('the page', () => {
  it('brings everything it needs itself, and nothing else of the package', async () => {
    const client = instance.client();
    const page = await client.get('/api/docs');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((m) => m[1] ?? '');
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      expect(file).toMatch(/^\/api\/docs\//);
      expect((await client.get(file)).status).toBe(200);
    }
    for (const file of ['package.json', 'index.html', '..%2Fpackage.json', '%2e%2e'])
      expect((await client.get(`/api/docs/${file}`)).status).toBe(404);
  });

  it('is off where the system setting says so', async () => {
    const api = await instance.admin();
    const set = (off: boolean) =>
      api.patch('/api/systemconfiguration', { replace: { portal_configuration: { disable_swagger: off } } });
    await set(true);
    for (const path of ['/api/docs', '/api/docs/start.js', '/api/openapi.json'])
      expect((await api.get(path)).status).toBe(404);
    await set(false);
    expect((await api.get('/api/docs')).status).toBe(200);
  });
});

describe('metrics', () => {
  it('count requests by route and status, and tell the generation', async () => {
    const api = await instance.admin();
    await api.create('pool', { name: 'counted' });
    await api.get('/api/pool/pool-1');
    const reply = await fetch(instance.running.app.get(Endpoints).all().metrics ?? '');
    const text = await reply.text();
    expect(text).toMatch(
      /spillway_api_request_seconds_count\{method="POST",route="\/api\/pool",status="201"\} 1/,
    );
    expect(text).toMatch(
      /spillway_api_request_seconds_count\{method="GET",route="\/api\/pool\/:uuid",status="404"\} 1/,
    );
    expect(text).toMatch(/^spillway_config_generation \d{2,}$/m);
    expect(text).toMatch(/^spillway_service_engines_connected 0$/m);
    expect(text).not.toMatch(/counted/);
  });
});
