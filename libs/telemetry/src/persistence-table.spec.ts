import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Entry } from '@spillway/persistence';
import { layoutOf } from './layout.js';
import { RateKey } from './limits/index.js';
import { Mapping } from './mapping.js';
import { PERSISTENCE_WAYS, type ClientKey, type Lesson, type PersistenceTable } from './persistence-table.js';

const SIZE = { workers: 4, virtualServices: 1, servers: 2, persistenceSets: 4 };
const make = (size = SIZE): Mapping => Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
const LIFE = 300;
const to = (server: number, instead: Lesson['instead'] = null): Lesson => ({
  serverLo: server,
  serverHi: server + 1000,
  pool: 9,
  life: LIFE,
  instead,
});
const client = (n: number): ClientKey => new RateKey().begin(7).number(n);
const told = (table: PersistenceTable, now: number): Entry[] => {
  const all: Entry[] = [];
  table.drain(now, (e) => all.push(e));
  return all;
};

describe('the persistence table', () => {
  it('tells every worker the server that the first one learned', () => {
    const m = make();
    const [a, b] = [m.persistenceTable(0), m.persistenceTable(1)];
    expect(a.find(client(1), 10, LIFE)).toBeNull();
    expect(a.learn(client(1), to(5), 10, 1000, 77)).toMatchObject({ serverLo: 5, serverHi: 1005 });
    expect(b.learn(client(1), to(6), 10, 1000, 77)).toMatchObject({ serverLo: 5 });
    expect(b.find(client(1), 11, LIFE)).toMatchObject({ serverLo: 5, serverHi: 1005 });
    expect(b.find(client(2), 11, LIFE)).toBeNull();
  });

  it('forgets a client that was not seen for its time, and not one second earlier', () => {
    const m = make();
    const t = m.persistenceTable(0);
    t.learn(client(1), to(5), 10, 1000, 77);
    expect(t.find(client(1), 10 + LIFE - 1, LIFE)).not.toBeNull();
    expect(t.find(client(1), 10 + 2 * LIFE - 2, LIFE)).not.toBeNull();
    expect(t.find(client(1), 10 + 3 * LIFE - 2, LIFE)).toBeNull();
    expect(t.learn(client(1), to(6), 10 + 3 * LIFE, 2000, 77)).toMatchObject({ serverLo: 6 });
  });

  it('gives a client another server once, whichever worker notices first that its own is gone', () => {
    const m = make();
    const [a, b] = [m.persistenceTable(0), m.persistenceTable(1)];
    a.learn(client(1), to(5), 10, 1000, 77);
    const gone = { serverLo: 5, serverHi: 1005 };
    expect(a.learn(client(1), to(6, gone), 11, 1001, 77)).toMatchObject({ serverLo: 6 });
    expect(b.learn(client(1), to(7, gone), 11, 1001, 77)).toMatchObject({ serverLo: 6 });
    const [entry] = told(m.agentPersistenceTable(), 11);
    expect(entry).toMatchObject({ serverLo: 6, version: 1, since: 1001, origin: 77, pool: 9, life: LIFE });
  });

  it('has room for so many and lets go first of who would be forgotten first, counting it', () => {
    const m = make({ ...SIZE, persistenceSets: 1 });
    const t = m.persistenceTable(0);
    expect(t.limit).toBe(PERSISTENCE_WAYS);
    for (let i = 0; i < PERSISTENCE_WAYS; i++) t.learn(client(i), to(i), 10 + i, 1000, 77);
    t.find(client(0), 50, LIFE);
    expect(m.persistenceEvictions).toBe(0);
    t.learn(client(100), to(3), 51, 1000, 77);
    expect(m.persistenceEvictions).toBe(1);
    expect(t.find(client(1), 51, LIFE)).toBeNull();
    expect(t.find(client(0), 51, LIFE)).toMatchObject({ serverLo: 0 });
    expect([...t.entries(51)].length).toBe(PERSISTENCE_WAYS);
    // Who is forgotten already gives way for nothing.
    for (let i = 0; i < PERSISTENCE_WAYS; i++) t.learn(client(200 + i), to(i), 1000, 1000, 77);
    expect(m.persistenceEvictions).toBe(1);
  });

  it('goes on when a worker or the agent died with a set locked and an entry half written', () => {
    const m = make({ ...SIZE, persistenceSets: 1 });
    const { persistence } = m.layout;
    const base = persistence / 4;
    const t = m.persistenceTable(0);
    t.learn(client(1), to(5), 10, 1000, 77);
    // As worker 2 leaves it: its intent told, the lock taken, the first word of a place gone.
    m.i32[m.blockBase(2) / 4 + 25] = 1;
    m.i32[base + 63] = 3;
    m.i32[base + 3] = 0;
    m.i32[base + 3 + 14] = 1234;
    expect(t.find(client(1), 11, LIFE)).toMatchObject({ serverLo: 5 });
    expect(t.learn(client(2), to(6), 11, 1000, 77)).toBeNull();
    m.retireWorker(1);
    expect(t.learn(client(2), to(6), 11, 1000, 77)).toBeNull();
    m.retireWorker(2);
    expect(t.learn(client(2), to(6), 11, 1000, 77)).toMatchObject({ serverLo: 6 });
    m.i32[base + 63] = 255;
    m.i32[14] = 1;
    expect(t.learn(client(3), to(6), 11, 1000, 77)).toBeNull();
    m.agentPersistenceTable();
    expect(t.learn(client(3), to(6), 11, 1000, 77)).toMatchObject({ serverLo: 6 });
    for (let i = 4; i <= PERSISTENCE_WAYS; i++) t.learn(client(i), to(6), 11, 1000, 77);
    expect([...t.entries(12)].length).toBe(PERSISTENCE_WAYS);
    expect(m.persistenceEvictions).toBe(0);
  });

  it('tells others of what is new, and again each quarter of its life, not of each time a client is seen', () => {
    const m = make();
    const t = m.persistenceTable(0);
    const agent = m.agentPersistenceTable();
    t.learn(client(1), to(5), 0, 1000, 77);
    expect(told(agent, 1).map((e) => [e.lo, e.life])).toEqual([[client(1).lo >>> 0, LIFE - 1]]);
    expect(told(agent, 1)).toEqual([]);
    let count = 0;
    for (let now = 1; now <= 4 * LIFE; now++) {
      t.find(client(1), now, LIFE);
      t.find(client(1), now, LIFE);
      count += told(agent, now).length;
    }
    expect(count).toBe(16);
  });

  it('spreads addresses over its sets', () => {
    const sets = 256;
    const m = make({ ...SIZE, persistenceSets: sets });
    const t = m.persistenceTable(0);
    for (let i = 0; i < sets * 3; i++)
      t.learn(new RateKey().begin(3).text(`10.0.${i >> 8}.${i & 255}`), to(1), 10, 1000, 77);
    expect(m.persistenceEvictions).toBeLessThan(sets / 16);
  });

  it('forgets what a removed server had', () => {
    const m = make({ ...SIZE, persistenceSets: 64 });
    const t = m.persistenceTable(0);
    for (let i = 0; i < 20; i++) t.learn(client(i), to(i % 2), 10, 1000, 77);
    const agent = m.agentPersistenceTable();
    expect(agent.sweep((e) => e.serverLo === 1, 11)).toBe(10);
    for (let i = 0; i < 20; i++) expect(t.find(client(i), 11, LIFE) === null).toBe(i % 2 === 1);
  });

  it('is the same on SEs that learn independently and hear of each other', () => {
    const seen = fc.record({
      se: fc.nat({ max: 2 }),
      client: fc.nat({ max: 5 }),
      server: fc.nat({ max: 4 }),
      replace: fc.boolean(),
      exchange: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(seen, { maxLength: 40 }), (events) => {
        const ses = [0, 1, 2].map(() => make());
        const tables = ses.map((m) => m.persistenceTable(0));
        const agents = ses.map((m) => m.agentPersistenceTable());
        const exchange = (now: number): number => {
          const news = agents.map((agent) => told(agent, now));
          for (const [from, entries] of news.entries())
            for (const [i, agent] of agents.entries())
              if (i !== from) for (const e of entries) agent.merge(e, now);
          return news.flat().length;
        };
        for (const [i, e] of events.entries()) {
          const before = tables[e.se]!.find(client(e.client), i, LIFE);
          const instead = e.replace && before !== null ? { ...before } : null;
          tables[e.se]!.learn(client(e.client), to(e.server, instead), i, 1000 + (i >> 2), e.se);
          if (e.exchange) exchange(i);
        }
        const end = events.length;
        for (let rounds = 0; exchange(end) > 0; rounds++) expect(rounds).toBeLessThan(5);
        for (let c = 0; c <= 5; c++) {
          const servers = tables.map((t) => t.find(client(c), end, LIFE)?.serverLo ?? -1);
          expect(new Set(servers).size).toBe(1);
        }
      }),
      { numRuns: 300 },
    );
  });
});
