import { describe, expect, it } from '@jest/globals';
import type { Logger } from '../config/logger.js';
import type { QueueService } from '../queue/queue.service.js';
import type { HookRegistry, KindHooks, ObjectCache, ObjectStore, Spec } from '../store/index.js';
import { CookieKeysService } from './cookie-keys.service.js';

const KIND = 'applicationpersistenceprofile';
const START = new Date('2026-11-22T06:00:00Z');
const after = (minutes: number): Date => new Date(START.getTime() + minutes * 60_000);

interface Cookie {
  encryption_key: string;
  key: { name: string; aes_key: string }[];
}

/** The service over a store of two profiles: one for cookies, one for addresses. */
function world(period: number): { service: CookieKeysService; cookie: () => Cookie; writes: () => number } {
  const objects = new Map<string, Spec>([
    ['cookie', { name: 'cookie', persistence_type: 'PERSISTENCE_TYPE_HTTP_COOKIE' }],
    ['ip', { name: 'ip', persistence_type: 'PERSISTENCE_TYPE_CLIENT_IP_ADDRESS' }],
  ]);
  let writes = 0;
  const cache = {
    byKind: (kind: string) =>
      kind === KIND
        ? [...objects].map(([uuid, spec]) => ({ uuid, kind, spec }))
        : [{ spec: { persistence_key_rotate_period: period } }],
  };
  const tx = {
    get: (uuid: string) => ({ kind: KIND, spec: objects.get(uuid) }),
    replace: async (_kind: string, uuid: string, spec: Spec) => {
      writes++;
      objects.set(uuid, spec);
    },
  };
  const service = new CookieKeysService(
    { register: (_kind: string, _hooks: KindHooks) => undefined } as unknown as HookRegistry,
    { transaction: async (run: (t: typeof tx) => Promise<boolean>) => run(tx) } as unknown as ObjectStore,
    cache as unknown as ObjectCache,
    {} as QueueService,
    { child: () => ({ info: () => undefined }) } as unknown as Logger,
  );
  const cookie = (): Cookie => objects.get('cookie')!['http_cookie_persistence_profile'] as Cookie;
  return { service, cookie, writes: () => writes };
}

describe('the keys of cookie profiles', () => {
  it('are made where they are missing, once', async () => {
    const w = world(0);
    await w.service.look(START);
    const made = structuredClone(w.cookie());
    await w.service.look(after(1_000_000));
    expect(w.cookie()).toEqual(made);
    expect(w.writes()).toBe(1);
  });

  it('are rotated every persistence_key_rotate_period minutes, to the key that was made before', async () => {
    const w = world(60);
    await w.service.look(START);
    const [first, next] = w.cookie().key.map((k) => k.name);
    expect(w.cookie().encryption_key).toBe(first);
    await w.service.look(after(59));
    expect(w.cookie().encryption_key).toBe(first);
    await w.service.look(after(60));
    expect(w.cookie().encryption_key).toBe(next);
    expect(w.cookie().key).toHaveLength(3);
    await w.service.look(after(119));
    expect(w.cookie().encryption_key).toBe(next);
    await w.service.look(after(120));
    expect(w.cookie().encryption_key).toBe(w.cookie().key[2]!.name);
    expect(w.writes()).toBe(3);
  });
});
