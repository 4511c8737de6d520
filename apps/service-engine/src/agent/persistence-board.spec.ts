import { describe, expect, it } from '@jest/globals';
import { poolTag, serverName, serverTag } from '@spillway/persistence';
import type { PersistenceBy, Snapshot } from '@spillway/snapshot';
import { layoutOf, Mapping, RateKey, type ClientKey } from '@spillway/telemetry';
import type { PeerTopic } from '../peer-news/peer-news.js';
import { PersistenceBoard } from './persistence-board.js';

const SIZE = { workers: 2, virtualServices: 1, servers: 4, persistenceSets: 64 };
const LIFE = 300;

/** An SE with its table, and what it tells. */
function engine(): {
  board: PersistenceBoard;
  learn: (client: number, pool: string, port: number) => void;
  portOf: (client: number, pool: string) => number;
  told: { uuid: string; items: Uint8Array[] }[];
  topic: PeerTopic;
  state: { now: number };
} {
  const mapping = Mapping.format(new Uint8Array(layoutOf(SIZE).totalBytes), SIZE);
  const told: { uuid: string; items: Uint8Array[] }[] = [];
  const state = { now: 1_000_000 };
  let topic: PeerTopic | undefined;
  const board = new PersistenceBoard(
    mapping,
    {
      add: (_name, t) => void (topic = t),
      publish: (_topic, uuid, items) => void told.push({ uuid, items: [...items] }),
    },
    () => state.now,
  );
  const table = mapping.persistenceTable(0);
  const seconds = (): number => Math.floor(state.now / 1000);
  return {
    board,
    told,
    topic: topic!,
    state,
    learn: (client, pool, port) => {
      const [serverLo, serverHi] = tag(port);
      const lesson = { serverLo, serverHi, pool: poolTag(pool), life: LIFE, instead: null };
      table.learn(keyOf(client, pool), lesson, seconds(), 1000, 1);
    },
    portOf: (client, pool) => {
      const found = table.find(keyOf(client, pool), seconds(), LIFE);
      return [1, 2, 3].find((port) => found !== null && tag(port)[0] === found.serverLo) ?? -1;
    },
  };
}

const tag = (port: number): readonly [number, number] => serverTag(serverName({ address: '10.0.0.1', port }));
const keyOf = (client: number, pool: string): ClientKey => {
  const { lo, hi } = new RateKey().begin(1).text(pool).number(client);
  return { lo, hi };
};

function snapshot(ports: number[], by: PersistenceBy = { type: 'client_ip', timeout: LIFE }): Snapshot {
  const pool = (uuid: string): object => ({
    uuid,
    persistence_profile_uuid: 'profile',
    servers: ports.map((port) => ({ address: '10.0.0.1', port })),
  });
  return {
    persistence_profiles: [{ uuid: 'profile', name: 'profile', when_down: 'pick_new', by }],
    pools: [pool('a'), pool('b')],
    virtual_services: [
      { uuid: 'vs-a', pool_uuid: 'a' },
      { uuid: 'vs-b', pool_uuid: 'b' },
    ],
    pool_groups: [],
  } as unknown as Snapshot;
}

describe('the board of persistence', () => {
  it('tells the SEs of each virtual service of its clients, once, and takes what they tell', () => {
    const [one, two] = [engine(), engine()];
    for (const e of [one, two]) e.board.configure(snapshot([1, 2]));
    one.learn(1, 'a', 1);
    one.learn(2, 'b', 2);
    one.board.tick();
    one.board.tick();
    expect(one.told.map((t) => t.uuid).sort()).toEqual(['vs-a', 'vs-b']);
    for (const { uuid, items } of one.told) two.topic.take(uuid, items, 'se-1');
    expect([two.portOf(1, 'a'), two.portOf(2, 'b')]).toEqual([1, 2]);
    two.board.tick();
    expect(two.told).toEqual([]);
    expect(two.board.uses()).toEqual([
      { poolUuid: 'a', entries: 1 },
      { poolUuid: 'b', entries: 1 },
    ]);
  });

  it('takes nothing of another virtual service, of a server that is not there, nor what makes no sense', () => {
    const [one, two] = [engine(), engine()];
    one.board.configure(snapshot([1, 2, 3]));
    two.board.configure(snapshot([1, 2]));
    one.learn(1, 'a', 1);
    one.learn(2, 'a', 3);
    const all = one.topic.all('vs-a', 0);
    two.topic.take('vs-b', all, 'se-1');
    expect(two.portOf(1, 'a')).toBe(-1);
    two.topic.take('vs-a', [new Uint8Array(3), Buffer.from('nonsense'), ...all], 'se-1');
    expect([two.portOf(1, 'a'), two.portOf(2, 'a')]).toEqual([1, -1]);
  });

  it('tells one that joins all that is known, and concerns those that have a part in the table alone', () => {
    const [one, two] = [engine(), engine()];
    for (const e of [one, two]) e.board.configure(snapshot([1, 2]));
    for (let i = 0; i < 60; i++) one.learn(i, 'a', 1 + (i % 2));
    two.topic.take('vs-a', one.topic.all('vs-a', 0), 'se-1');
    for (let i = 0; i < 60; i++) expect(two.portOf(i, 'a')).toBe(1 + (i % 2));
    expect(one.topic.all('vs-a', 0).every((item) => item.length <= 1024)).toBe(true);
    expect([one.topic.concerns('vs-a'), one.topic.concerns('vs-c')]).toEqual([true, false]);
    one.board.configure(snapshot([1, 2], { type: 'header', name: 'x' }));
    expect(one.topic.concerns('vs-a')).toBe(false);
  });

  it('forgets the clients of servers that have left', () => {
    const one = engine();
    one.board.configure(snapshot([1, 2]));
    for (let i = 0; i < 10; i++) one.learn(i, 'a', 1 + (i % 2));
    one.board.configure(snapshot([1, 2, 3]));
    expect(one.board.uses()[0]!.entries).toBe(10);
    one.board.configure(snapshot([1, 3]));
    expect(one.board.uses()[0]!.entries).toBe(5);
    expect(one.board.facts()).toMatchObject({ limit: 64 * 7, evictions: 0 });
  });
});
