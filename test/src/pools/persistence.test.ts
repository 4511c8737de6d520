import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, Scope, type Visit, type Visited } from '@spillway/testing';
import { verdictsAre } from '../support/counts.js';
import { agreed, known, live, persist, tries, visits } from '../support/visits.js';
import { World } from '../support/world.js';

jest.setTimeout(120_000);

let scope: Scope;
let world: World;
const COOKIE = { persistence_type: 'PERSISTENCE_TYPE_HTTP_COOKIE' };
const CLIENT_IP = { persistence_type: 'PERSISTENCE_TYPE_CLIENT_IP_ADDRESS' };

beforeAll(async () => {
  scope = new Scope('persistence');
  world = await World.create(scope, { serviceEngines: 2, workers: 2 });
  await world.instance.watched(async () => {
    await world.act('scaleout');
    await world.placedOn(2);
    await verdictsAre(world, ['OPER_UP', 'OPER_UP', 'OPER_UP']);
  });
});
afterAll(async () => scope?.close());

const edit = async (replace: object): Promise<void> => {
  await world.api.patch(`/api/pool/${world.pool.uuid}`, { replace });
  await live(world);
};
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const origins = (found: readonly Visited[]): string[] => [...new Set(found.map((v) => v.origin))].sort();
const pair = (set: string): string => set.slice(0, set.indexOf(';'));
const withCookie = (cookie: string): Visit => ({ headers: { Cookie: cookie } });
/** Both SEs had some of them. */
const fromBoth = (found: readonly Visited[]): void => {
  expect(new Set(found.map((v) => v.se)).size).toBe(2);
};

/** New clients, each with the cookie that it got. */
async function newClients(count: number): Promise<{ origin: string; cookie: string; set: string }[]> {
  const found = await visits(
    world,
    times(count, () => ({})),
  );
  return found.map((v) => {
    expect(v.cookies).toHaveLength(1);
    return { origin: v.origin, cookie: pair(v.cookies[0]!), set: v.cookies[0]! };
  });
}

/** Every client comes back so often, and to its server, without another cookie. */
async function comeBack(
  clients: readonly { origin: string; cookie: string }[],
  rounds: number,
): Promise<Visited[]> {
  const all = times(rounds, () => clients).flat();
  const found = await visits(
    world,
    all.map((c) => withCookie(c.cookie)),
  );
  expect(found.map((v) => v.origin)).toEqual(all.map((c) => c.origin));
  expect(found.flatMap((v) => v.cookies)).toEqual([]);
  return found;
}

describe('persistence by HTTP cookie', () => {
  it('leads clients back over both SEs, and spreads new ones', () =>
    world.instance.watched(async () => {
      await persist(world, COOKIE);
      const clients = await newClients(60);
      expect(origins(clients as never).length).toBe(3);
      expect(clients[0]!.set).toMatch(/^[A-Z]{8}=[\w-]+; Path=\/$/);
      fromBoth(await comeBack(clients, 4));
    }));

  it('shows no server its cookie, and none of its keys to anybody', () =>
    world.instance.watched(async () => {
      const uuid = await persist(world, COOKIE);
      const [client] = await newClients(1);
      const [echo] = await visits(world, [
        { path: '/echo', headers: { Cookie: `a=1; ${client!.cookie}; b=2` } },
      ]);
      expect(echo!.body).toContain('"a=1; b=2"');
      expect(echo!.body).not.toContain(client!.cookie);
      const shown = JSON.stringify(await world.api.get(`/api/applicationpersistenceprofile/${uuid}`));
      expect(shown).toContain(client!.cookie.slice(0, client!.cookie.indexOf('=')));
      expect(shown).not.toMatch(/aes_key|hmac_key|sealed:/);
    }));

  it('has the attributes that the profile asks for', () =>
    world.instance.watched(async () => {
      const http_cookie_persistence_profile = {
        cookie_name: 'WHERE',
        timeout: 30,
        is_persistent_cookie: true,
        http_only: true,
        always_send_cookie: true,
      };
      await persist(world, { ...COOKIE, http_cookie_persistence_profile });
      const [client] = await newClients(1);
      expect(client!.set).toMatch(/^WHERE=[\w-]+; Path=\/; Max-Age=1800; Expires=[^;]+ GMT; HttpOnly$/);
      const again = await visits(
        world,
        times(4, () => withCookie(client!.cookie)),
      );
      expect(origins(again)).toEqual([client!.origin]);
      expect(again.every((v) => v.cookies.length === 1)).toBe(true);
    }));

  it('takes cookies of the keys before after a rotation', () =>
    world.instance.watched(async () => {
      const uuid = await persist(world, COOKIE);
      const before = await newClients(9);
      const names = async (): Promise<{ encryption_key: string; key: { name: string }[] }> => {
        const { http_cookie_persistence_profile: c } = await world.api.get<{
          http_cookie_persistence_profile: { encryption_key: string; key: { name: string }[] };
        }>(`/api/applicationpersistenceprofile/${uuid}`);
        return c;
      };
      const [first] = [await names()];
      await world.api.post(`/api/applicationpersistenceprofile/${uuid}/rotatekeys`, {});
      await live(world);
      const second = await names();
      expect(second.encryption_key).not.toBe(first.encryption_key);
      expect(second.key.map((k) => k.name)).toEqual(
        expect.arrayContaining([first.encryption_key, second.encryption_key]),
      );
      await comeBack(before, 2);
      await comeBack(await newClients(9), 2);
    }));

  it('survives a scale-in and a migration', () =>
    world.instance.watched(async () => {
      await persist(world, COOKIE);
      const clients = await newClients(30);
      await world.act('scalein');
      await world.placedOn(1);
      await comeBack(clients, 2);
      await world.act('migrate');
      await world.placedOn(1);
      await comeBack(clients, 2);
      await world.act('scaleout');
      await world.placedOn(2);
      fromBoth(await comeBack(clients, 3));
    }));

  it('gives the clients of a server that has left another one, and a new cookie', () =>
    world.instance.watched(async () => {
      await persist(world, COOKIE);
      const clients = await newClients(30);
      const lost = clients.filter((c) => c.origin === 'o3');
      await edit({ servers: world.servers().slice(0, 2) });
      await verdictsAre(world, ['OPER_UP', 'OPER_UP']);
      await comeBack(
        clients.filter((c) => c.origin !== 'o3'),
        2,
      );
      const moved = await visits(
        world,
        lost.map((c) => withCookie(c.cookie)),
      );
      expect(origins(moved)).not.toContain('o3');
      await comeBack(
        moved.map((v) => ({ origin: v.origin, cookie: pair(v.cookies[0]!) })),
        2,
      );
      await edit({ servers: world.servers() });
      await verdictsAre(world, ['OPER_UP', 'OPER_UP', 'OPER_UP']);
    }));
});

describe('a server that is down', () => {
  it.each([
    ['HM_DOWN_PICK_NEW_SERVER', 200, false],
    ['HM_DOWN_ABORT_CONNECTION', 503, false],
    ['HM_DOWN_CONTINUE_PERSISTENT_SERVER', 200, true],
  ] as const)('with %s', (server_hm_down_recovery, status, stays) =>
    world.instance.watched(async () => {
      await persist(world, { ...COOKIE, server_hm_down_recovery });
      const clients = (await newClients(30)).filter((c) => c.origin === 'o1');
      await world.origins[0]!.set({ health: 'fail' });
      await verdictsAre(world, ['OPER_DOWN', 'OPER_UP', 'OPER_UP']);
      const found = await tries(
        world,
        clients.map((c) => withCookie(c.cookie)),
      );
      expect(found.map((v) => v.status)).toEqual(clients.map(() => status));
      if (status === 200) expect(found.every((v) => (v.origin === 'o1') === stays)).toBe(true);
      expect(
        origins(
          await visits(
            world,
            times(12, () => ({})),
          ),
        ),
      ).toEqual(['o2', 'o3']);
      await world.origins[0]!.set({ health: 'ok' });
      await verdictsAre(world, ['OPER_UP', 'OPER_UP', 'OPER_UP']);
    }),
  );
});

describe('a server that is disabled gracefully', () => {
  it('keeps the clients that it has and gets no others', () =>
    world.instance.watched(async () => {
      await persist(world, COOKIE);
      await edit({
        graceful_disable_timeout: 10,
        server_disable_type: 'ALLOW_NEW_CONNECTION_IF_PERSISTENCE_PRESENT',
      });
      const clients = await newClients(30);
      const [first, ...rest] = world.servers();
      await edit({ servers: [{ ...first, enabled: false }, ...rest] });
      expect(
        origins(
          await visits(
            world,
            times(12, () => ({})),
          ),
        ),
      ).toEqual(['o2', 'o3']);
      await comeBack(clients, 2);
      await edit({ servers: world.servers() });
      await verdictsAre(world, ['OPER_UP', 'OPER_UP', 'OPER_UP']);
    }));
});

describe('persistence by the client’s address', () => {
  it('holds on both SEs and all workers, and is shown', () =>
    world.instance.watched(async () => {
      await persist(world, CLIENT_IP);
      const clients = times(60, (i) => ({ from: `127.2.0.${i + 1}` }));
      const first = await visits(world, clients);
      expect(origins(first).length).toBe(3);
      expect(first.flatMap((v) => v.cookies)).toEqual([]);
      await agreed(world, clients, first);
      await known(world, 2, 60);
      const again = await visits(world, times(4, () => clients).flat());
      expect(again.map((v) => v.origin)).toEqual(times(4, () => first.map((v) => v.origin)).flat());
      fromBoth(again);
    }));

  it('counts the leading bits that the profile says', () =>
    world.instance.watched(async () => {
      await persist(world, { ...CLIENT_IP, ip_persistence_profile: { ip_mask: 24 } });
      const [first] = await visits(world, [{ from: '127.2.1.1' }]);
      await agreed(
        world,
        times(8, () => ({ from: '127.2.1.1' })),
        times(8, () => first!),
      );
      const net = await visits(
        world,
        times(30, (i) => ({ from: `127.2.1.${i + 1}` })),
      );
      expect(origins(net)).toEqual([first!.origin]);
      fromBoth(net);
    }));
});

describe('persistence by what requests say', () => {
  it('goes by the value that a header has', () =>
    world.instance.watched(async () => {
      const servers = world.servers().map((s, i) => ({ ...s, prst_hdr_val: `s${i + 1}` }));
      await persist(world, {
        persistence_type: 'PERSISTENCE_TYPE_CUSTOM_HTTP_HEADER',
        hdr_persistence_profile: { prst_hdr_name: 'X-Server' },
      });
      await edit({ servers });
      const asked = times(60, (i) => ({ headers: { 'x-server': `s${(i % 3) + 1}` } }));
      const found = await visits(world, asked);
      expect(found.map((v) => v.origin)).toEqual(asked.map((_, i) => `o${(i % 3) + 1}`));
      fromBoth(found);
      expect(
        origins(
          await visits(
            world,
            times(12, () => ({ headers: { 'x-server': 'none' } })),
          ),
        ).length,
      ).toBe(3);
      await edit({ servers: world.servers() });
    }));

  it('goes by the session of the application, wherever the client puts it', () =>
    world.instance.watched(async () => {
      await persist(world, {
        persistence_type: 'PERSISTENCE_TYPE_APP_COOKIE',
        app_cookie_persistence_profile: { prst_hdr_name: 'SID' },
      });
      const logins = await visits(
        world,
        times(30, (i) => ({ path: `/login?field=Set-Cookie:SID=session${i}` })),
      );
      expect(origins(logins).length).toBe(3);
      await agreed(
        world,
        times(30, (i) => withCookie(`SID=session${i}`)),
        logins,
      );
      for (const ask of [
        (i: number) => withCookie(`x=1; SID=session${i}`),
        (i: number) => ({ path: `/page?x=1&SID=session${i}` }),
        (i: number) => ({ path: `/page;SID=session${i}` }),
      ]) {
        const found = await visits(world, times(2, () => times(30, ask)).flat());
        expect(found.map((v) => v.origin)).toEqual(times(2, () => logins.map((v) => v.origin)).flat());
        fromBoth(found);
      }
    }));
});

describe('persistence by TLS session', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('leads back whoever resumes one, over both SEs (%s)', (version) =>
    world.instance.watched(async () => {
      const tls = world.port + 2;
      const certificate = await world.api.find('sslkeyandcertificate', 'System-Default-Cert');
      await world.api.patch(`/api/virtualservice/${world.vs.uuid}`, {
        replace: {
          services: [{ port: world.port }, { port: tls, enable_ssl: true }],
          ssl_key_and_certificate_refs: [certificate.url],
        },
      });
      await persist(world, { persistence_type: 'PERSISTENCE_TYPE_TLS' });
      const ask = (sessions: readonly (string | undefined)[]): Promise<Visited[]> =>
        visits(
          world,
          sessions.map((session) => ({ tls: session === undefined ? { version } : { version, session } })),
          12,
          tls,
        );
      const first = await ask(times(12, () => undefined));
      expect(origins(first).length).toBe(3);
      let sessions = first.map((v) => v.session);
      let right = 0;
      const seen = new Set<string>();
      // What one SE has learned is on its way to the other during the first rounds.
      for (let round = 0; round < 50 && (right < 4 || seen.size < 2); round++) {
        const found = await ask(sessions);
        expect(found.every((v) => v.resumed)).toBe(true);
        right = found.every((v, i) => v.origin === first[i]!.origin) ? right + 1 : 0;
        for (const v of found) seen.add(v.se);
        sessions = found.map((v) => v.session);
      }
      expect([right >= 4, seen.size]).toEqual([true, 2]);
    }),
  );
});

describe('persistence at layer 4', () => {
  it('goes by the client’s address, for each connection', () =>
    world.instance.watched(async () => {
      const { api } = world;
      const port = world.port + 3;
      const profile = await api.find('applicationpersistenceprofile', 'System-Persistence-Client-IP');
      const pool = await api.post('/api/pool', {
        name: 'tcp',
        lb_algorithm: 'LB_ALGORITHM_ROUND_ROBIN',
        servers: world.servers(),
        application_persistence_profile_ref: profile.url,
      });
      await api.post('/api/virtualservice', {
        name: 'tcp',
        services: [{ port }],
        vsvip_ref: world.vsvip.url,
        application_profile_ref: '/api/applicationprofile?name=System-L4-Application',
        pool_ref: pool.url,
      });
      const clients = times(24, (i) => ({ from: `127.6.0.${i + 1}` }));
      const answered = async (): Promise<Visited[] | Error> => visits(world, clients, 24, port);
      const first = (await eventually(answered, {
        within: 20_000,
        every: 50,
        what: 'layer 4 to serve',
      })) as Visited[];
      expect(origins(first).length).toBe(3);
      for (let round = 0; round < 4; round++) {
        const again = await visits(world, clients, 24, port);
        expect(again.map((v) => v.origin)).toEqual(first.map((v) => v.origin));
      }
    }));
});

describe('persistence that needs requests', () => {
  it('is refused at layer 4, whichever is written last', () =>
    world.instance.watched(async () => {
      const { api } = world;
      const cookie = await api.find('applicationpersistenceprofile', 'System-Persistence-Http-Cookie');
      const pool = await api.post('/api/pool', { name: 'l4', servers: world.servers() });
      const l4 = {
        name: 'l4',
        enabled: false,
        services: [{ port: world.port + 1 }],
        vsvip_ref: world.vsvip.url,
        application_profile_ref: '/api/applicationprofile?name=System-L4-Application',
        pool_ref: pool.url,
      };
      const remedy =
        /persistence PERSISTENCE_TYPE_HTTP_COOKIE of pool \w+ needs HTTP and virtual service l4 is layer 4\. Use client IP/;
      const with_ = { application_persistence_profile_ref: cookie.url };
      const refused = async (call: Promise<unknown>, field: string): Promise<void> => {
        await expect(call).rejects.toThrow(remedy);
        await expect(call).rejects.toThrow(new RegExp(`Field check for ${field} failed`));
      };
      await api.patch(`/api/pool/${pool.uuid}`, { add: with_ });
      await refused(api.post('/api/virtualservice', l4), 'pool_ref');
      await api.patch(`/api/pool/${pool.uuid}`, { delete: with_ });
      await api.post('/api/virtualservice', l4);
      await refused(
        api.patch(`/api/pool/${pool.uuid}`, { add: with_ }),
        'application_persistence_profile_ref',
      );
      const mine = await api.post('/api/applicationpersistenceprofile', { name: 'mine', ...CLIENT_IP });
      await api.patch(`/api/pool/${pool.uuid}`, { add: { application_persistence_profile_ref: mine.url } });
      await refused(
        api.patch(`/api/applicationpersistenceprofile/${mine.uuid}`, { replace: COOKIE }),
        'persistence_type',
      );
    }));
});
