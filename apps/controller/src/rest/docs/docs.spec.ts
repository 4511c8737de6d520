import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { Endpoints } from '../../config/endpoints.js';
import type { Json } from '../../testing/api-session.js';
import { startApiInstance, type ApiInstance } from '../../testing/api-instance.js';

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

  it('names every route of the controller, and none that it does not have', async () => {
    const { body } = await instance.client().get('/api/openapi.json');
    const described = body['paths'] as Record<string, Json>;
    const routes = registeredRoutes(instance.running.app.getHttpAdapter().getInstance());
    expect(routes.length).toBeGreaterThan(50);
    const missing = routes.filter(
      ({ path, method }) =>
        !path.includes('{kind}') && !/^\/api\/(docs|openapi)/.test(path) && !described[path]?.[method],
    );
    expect(missing).toEqual([]);
    const has = new Set(routes.map(({ path, method }) => `${method} ${path}`));
    const invented = Object.entries(described).flatMap(([path, item]) =>
      ['get', 'post', 'put', 'patch', 'delete']
        .filter(
          (method) =>
            method in item && !has.has(`${method} ${path}`) && !has.has(`${method} ${generic(path)}`),
        )
        .map((method) => `${method} ${path}`),
    );
    expect(invented).toEqual([]);
  });

  it('gives every call an id of its own', async () => {
    const { body } = await instance.client().get('/api/openapi.json');
    const ids = Object.values(body['paths'] as Record<string, Record<string, Json>>).flatMap((item) =>
      Object.values(item).flatMap((call) =>
        typeof call['operationId'] === 'string' ? [call['operationId']] : [],
      ),
    );
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  });
});

/** A path of a kind as the route that serves every kind. */
const generic = (path: string): string =>
  path.replace(/^\/api\/[a-z0-9]+(-inventory)?(\/|$)/, '/api/{kind}$1$2');

/** Fastify prints its routes as a tree; four columns a level. */
function registeredRoutes(fastify: FastifyInstance): { path: string; method: string }[] {
  const levels: string[] = [];
  return fastify
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', part = '', methods = ''] =
        /^([│ ]*)[├└]── (.*?) \(([A-Z, ]+)\)$/.exec(line) ?? [];
      if (part === '') return [];
      const depth = indent.length / 4;
      levels.splice(depth, levels.length, part);
      const path = levels.join('').replaceAll(/:(\w+)/g, '{$1}');
      return methods
        .toLowerCase()
        .split(', ')
        .filter((method) => method !== 'head')
        .map((method) => ({ path, method }));
    });
}

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
