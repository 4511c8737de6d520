import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, run, Scope } from '@spillway/testing';
import { curl } from '../profile/curl.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;

beforeAll(async () => {
  scope = new Scope('http2');
  world = await World.create(scope, { serviceEngines: 1 });
});
afterAll(async () => scope?.close());

const url = (): string => `http://${world.vip4}:${world.port}/`;

/** Version and status that `curl` gets; `0 000` when the connection is refused or reset. */
async function seen(...args: string[]): Promise<string> {
  const inNetwork = world.netns ? { netns: world.netns } : {};
  const command = [
    '-s',
    '-o',
    '/dev/null',
    '-w',
    '%{http_version} %{http_code}',
    '--max-time',
    '10',
    ...args,
  ];
  const { stdout } = await run('curl', [...command, url()], { ...inNetwork, check: false });
  return stdout.trim();
}
const http2 = (): Promise<string> => seen('--http2-prior-knowledge');
/** With a field of 200 bytes. */
const long = (): Promise<string> => seen('--http2-prior-knowledge', '-H', `x-long: ${'a'.repeat(200)}`);
const becomes = (probe: () => Promise<string>, value: string, what: string): Promise<unknown> =>
  eventually(
    async () => {
      const is = await probe();
      return is === value || Promise.reject(new Error(`it is ${is}`));
    },
    { within: 10_000, every: 20, what },
  );

describe('HTTP/2, from the API to traffic', () => {
  it('is spoken on the ports that say so, beside HTTP/1.1, and no longer when they do not', () =>
    world.instance.watched(async () => {
      expect(await http2()).not.toBe('2 200');
      const answer = await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
        replace: { services: [{ port: world.port, enable_http2: true }] },
      });
      expect(JSON.stringify(answer)).toContain('"enable_http2":true');
      await becomes(http2, '2 200', 'HTTP/2 to be spoken');
      expect(await seen('--http1.1')).toBe('1.1 200');
      await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
        replace: { services: [{ port: world.port }] },
      });
      await eventually(async () => (await http2()) !== '2 200', {
        within: 10_000,
        every: 20,
        what: 'HTTP/2 to be refused',
      });
      expect(await seen('--http1.1')).toBe('1.1 200');
    }));

  it('has the limits of the application profile', () =>
    world.instance.watched(async () => {
      const profile = await world.api.post('/api/applicationprofile', {
        name: 'small-fields',
        type: 'APPLICATION_PROFILE_TYPE_HTTP',
        http_profile: { http2_profile: { max_http2_header_field_size: 100 } },
      });
      await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
        replace: { services: [{ port: world.port, enable_http2: true }] },
      });
      await becomes(long, '2 200', 'a field of 200 bytes to be taken');
      await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
        replace: { application_profile_ref: profile.url },
      });
      await becomes(long, '2 431', 'a field of 200 bytes to be refused');
      expect(await http2()).toBe('2 200');
    }));

  it('goes to servers where the pool says so: those that speak HTTP/1 only are told as 502', () =>
    world.instance.watched(async () => {
      expect((await curl(world, url())).status).toBe(200);
      await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace: { enable_http2: true } });
      await becomes(() => seen('--http1.1'), '1.1 502', 'the servers to be asked by HTTP/2');
      await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace: { enable_http2: false } });
      await becomes(() => seen('--http1.1'), '1.1 200', 'the servers to be asked by HTTP/1.1');
    }));
});
