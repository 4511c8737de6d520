import { EventEmitter } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { se } from '@spillway/protocol';
import fc from 'fast-check';
import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { dataSourceOptions, migrate } from '../database/options.js';
import { SeSession, type SeStream } from '../se-channel/session.js';
import { SeSessions } from '../se-channel/sessions.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { until } from '../testing/until.js';
import { Peers } from './peers.js';
import { PeerNewsRelay } from './relay.js';
import { inParts, NotifiedReplicas } from './replicas.js';

const logger = pino({ level: 'silent' });
let database: TestDatabase;
let dataSource: DataSource;
let url: string;

/** A replica: its streams and what it passes on. */
class Replica {
  readonly sessions = new SeSessions();
  readonly others = new NotifiedReplicas(dataSource, url, logger);
  readonly relay = new PeerNewsRelay(this.sessions, new Peers(dataSource), this.others, logger);
}

/** An SE: what it is sent, by a stream that takes all or nothing. */
class Engine {
  readonly heard: se.PeerNews[] = [];
  readonly session: SeSession;
  takes = true;

  constructor(
    readonly name: string,
    private readonly replica: Replica,
  ) {
    const stream = Object.assign(new EventEmitter(), {
      write: ({ body }: se.ControllerMessage): boolean => {
        if (body?.$case === 'peerNews') this.heard.push(body.value);
        return this.takes;
      },
    });
    const hello = se.Hello.fromPartial({ seUuid: name });
    this.session = new SeSession(
      stream as unknown as SeStream,
      hello,
      name,
      (s) => void replica.sessions.detach(s),
    );
    replica.sessions.attach(this.session);
  }

  says(virtualServiceUuid: string, news: Partial<se.PeerNews>): void {
    this.replica.relay.take(
      this.session,
      se.PeerNews.fromPartial({ topic: 't', virtualServiceUuid, ...news }),
    );
  }

  async hears(count: number): Promise<string[]> {
    await until(
      () => this.heard.length,
      (n) => n >= count,
      `${count} news at ${this.name}`,
    );
    return this.heard.map(text);
  }
}

const text = ({ seUuid, items, ask, last }: se.PeerNews): string =>
  `${seUuid}: ${items.map((i) => i.toString()).join(',')}${ask ? '?' : ''}${last ? '.' : ''}`;

/** The first is the primary. */
async function place(vs: string, ...ses: string[]): Promise<void> {
  for (const name of ses) {
    await dataSource.query(
      `INSERT INTO se_runtime (se_uuid, connected) VALUES ($1, true) ON CONFLICT DO NOTHING`,
      [name],
    );
    await dataSource.query(
      `INSERT INTO placement (vs_uuid, vip_id, se_uuid, "primary", desired) VALUES ($1, '0', $2, $3, 'active')`,
      [vs, name, name === ses[0]],
    );
  }
}

let one: Replica;
let two: Replica;
let engines: Engine[];

beforeAll(async () => {
  database = await testDatabase();
  url = await database.fresh();
  dataSource = await new DataSource(dataSourceOptions(url)).initialize();
  await migrate(dataSource);
  [one, two] = [new Replica(), new Replica()];
  for (const r of [one, two]) await r.others.listen((to, news) => r.relay.deliver(to, news));
}, 60_000);

afterEach(() => {
  for (const e of engines) e.session.closed();
});

afterAll(async () => {
  for (const r of [one, two]) await r?.others.close();
  await dataSource?.destroy();
  await database?.stop();
}, 60_000);

describe('news between SEs', () => {
  it('reach the others that serve the virtual service, at every replica, and nobody else', async () => {
    await place('vs-1', 'a', 'b', 'c');
    await place('vs-2', 'd', 'b');
    const [a, b, c, d] = (engines = [
      new Engine('a', one),
      new Engine('b', one),
      new Engine('c', two),
      new Engine('d', two),
    ]) as [Engine, Engine, Engine, Engine];
    a.says('vs-1', { items: [Buffer.from('x'), Buffer.from('y')] });
    expect(await c.hears(1)).toEqual(['a: x,y']);
    // On what is not placed on it an SE is not heard; what it says next shows that the first was passed by.
    d.says('vs-1', { items: [Buffer.from('intruder')] });
    d.says('vs-2', { items: [Buffer.from('z')] });
    expect(await b.hears(2)).toEqual(['a: x,y', 'd: z']);
    expect([a.heard, c.heard.length, d.heard]).toEqual([[], 1, []]);
  });

  it('are asked of two at most, the primary first; the answer goes to the one that asked', async () => {
    await place('vs-3', 'c', 'a', 'b', 'd');
    const [a, b, c, d] = (engines = [
      new Engine('a', one),
      new Engine('b', two),
      new Engine('c', one),
      new Engine('d', two),
    ]) as [Engine, Engine, Engine, Engine];
    d.says('vs-3', { ask: true, since: 5 });
    expect([await c.hears(1), await a.hears(1)]).toEqual([['d: ?'], ['d: ?']]);
    expect(a.heard[0]?.since).toBe(5);
    a.says('vs-3', { items: [Buffer.from('k')], seUuid: 'd', last: true });
    expect(await d.hears(1)).toEqual(['a: k.']);
    expect([b.heard.length, c.heard.length]).toEqual([0, 1]);
  });

  it('have an end at once when there is nobody to ask', async () => {
    await place('vs-4', 'a', 'gone');
    await dataSource.query(`UPDATE se_runtime SET connected = false WHERE se_uuid = 'gone'`);
    const a = new Engine('a', one);
    engines = [a];
    a.says('vs-4', { ask: true });
    expect(await a.hears(1)).toEqual([': .']);
  });

  it('reach an SE that joined a moment ago, since it has asked', async () => {
    await place('vs-5', 'a');
    const [a, b] = (engines = [new Engine('a', one), new Engine('b', one)]) as [Engine, Engine];
    a.says('vs-5', { ask: true });
    await a.hears(1);
    await place('vs-5', 'b');
    b.says('vs-5', { ask: true });
    expect((await a.hears(2))[1]).toBe('b: ?');
    a.says('vs-5', { items: [Buffer.from('new')] });
    expect(await b.hears(1)).toEqual(['a: new']);
  });

  it('that are too large are dropped, and an SE that takes nothing holds up nobody', async () => {
    await place('vs-6', 'a', 'b', 'c');
    const [a, b, c] = (engines = [new Engine('a', one), new Engine('b', one), new Engine('c', one)]) as [
      Engine,
      Engine,
      Engine,
    ];
    b.takes = false;
    a.says('vs-6', { items: [Buffer.alloc(600 * 1024)] });
    a.says('vs-6', { items: [Buffer.alloc(2000), Buffer.from('0')] });
    for (let i = 1; i < 100; i++) a.says('vs-6', { items: [Buffer.from(String(i))] });
    expect(await c.hears(100)).toEqual(Array.from({ length: 100 }, (_, i) => `a: ${i}`));
    expect(b.heard.length).toBe(64);
  });

  it('keep all items over replicas, however many there are', () => {
    engines = [];
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 1024 }), { maxLength: 40 }),
        fc.boolean(),
        (items, last) => {
          const news = se.PeerNews.fromPartial({ topic: 't', items: items.map((i) => Buffer.from(i)), last });
          const parts = inParts(news);
          expect(parts.flatMap((p) => p.items)).toEqual(news.items);
          expect(parts.map((p) => p.last)).toEqual(parts.map((_, i) => last && i === parts.length - 1));
          for (const part of parts)
            expect(Buffer.from(se.PeerNews.encode(part).finish()).toString('base64').length).toBeLessThan(
              7500,
            );
        },
      ),
    );
  });
});
