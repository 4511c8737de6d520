import { describe, expect, it, jest } from '@jest/globals';
import type { se } from '@spillway/protocol';
import fc from 'fast-check';
import { chunks, MOST_BATCH, MOST_ITEM, MOST_WAITING, Outbox } from './outbox.js';
import { PeerNews, type PeerTopic } from './peer-news.js';

const item = (n: number, length = 4): Uint8Array => new Uint8Array(length).fill(n);

describe('outbox', () => {
  it('gives back what it was given, in its order, in messages that are small enough', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ vs: fc.nat({ max: 2 }), n: fc.nat({ max: 255 }), length: fc.nat({ max: 1024 }) }),
          {
            maxLength: 600,
          },
        ),
        (puts) => {
          const outbox = new Outbox();
          for (const p of puts) outbox.put('t', String(p.vs), [item(p.n, p.length)]);
          const batches = outbox.take();
          for (const b of batches)
            expect(b.items.reduce((sum, i) => sum + i.length, 0)).toBeLessThanOrEqual(MOST_BATCH);
          for (const vs of [0, 1, 2])
            expect(
              batches.filter((b) => b.virtualServiceUuid === String(vs)).flatMap((b) => b.items),
            ).toEqual(puts.filter((p) => p.vs === vs).map((p) => item(p.n, p.length)));
          expect(outbox.empty).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('lets the oldest go when too much waits, and says so once', () => {
    const outbox = new Outbox();
    const many = MOST_WAITING / MOST_ITEM + 10;
    for (let i = 0; i < many; i++) outbox.put('t', 'v', [item(i % 256, MOST_ITEM)]);
    const items = outbox.take().flatMap((b) => b.items);
    expect(items).toHaveLength(many - 10);
    expect(items[0]![0]).toBe(10);
    expect([outbox.takeDropped(), outbox.takeDropped()]).toEqual([true, false]);
    outbox.put('t', 'v', [item(1, MOST_ITEM + 1)]);
    expect([outbox.empty, outbox.takeDropped()]).toEqual([true, true]);
  });

  it('makes one list of nothing', () => expect(chunks([])).toEqual([[]]));
});

interface World {
  news: PeerNews;
  sent: se.PeerNews[];
  taken: { uuid: string; items: readonly Uint8Array[]; from: string }[];
  asked: [string, number][];
  settled: () => number;
  state: { up: boolean; now: number };
}

function world(known: Uint8Array[] = []): World {
  const sent: se.PeerNews[] = [];
  const taken: World['taken'] = [];
  const asked: World['asked'] = [];
  const state = { up: true, now: 1_000_000 };
  let settled = 0;
  const topic: PeerTopic = {
    concerns: (uuid) => uuid !== 'other',
    take: (uuid, items, from) => taken.push({ uuid, items, from }),
    all: (uuid, since) => {
      asked.push([uuid, since]);
      return known;
    },
  };
  const news = new PeerNews(
    ({ value }) => {
      if (state.up) sent.push(value);
      return state.up;
    },
    () => settled++,
    () => state.now,
  );
  news.add('t', topic);
  return { news, sent, taken, asked, settled: () => settled, state };
}

const from = (seUuid: string, rest: Partial<se.PeerNews>): se.PeerNews => ({
  topic: 't',
  virtualServiceUuid: 'vs',
  items: [],
  ask: false,
  since: 0,
  last: false,
  ...rest,
  seUuid,
});

describe('news between SEs', () => {
  it('asks for a virtual service that is new here, and waits for the last part of an answer', () => {
    const { news, sent, taken, settled } = world();
    news.opened();
    news.follow(new Set(['vs', 'other']));
    expect(sent).toEqual([expect.objectContaining({ virtualServiceUuid: 'vs', ask: true, since: 0 })]);
    expect([news.isSettled('vs'), news.isSettled('other')]).toEqual([false, true]);
    news.heard(from('se-2', { items: [Buffer.from('a')] }));
    expect(news.isSettled('vs')).toBe(false);
    news.heard(from('se-2', { items: [Buffer.from('b')], last: true }));
    expect(news.isSettled('vs')).toBe(true);
    expect(settled()).toBe(1);
    expect(taken.map((t) => `${t.uuid} ${t.from} ${Buffer.concat(t.items).toString()}`)).toEqual([
      'vs se-2 a',
      'vs se-2 b',
    ]);
    news.follow(new Set(['vs']));
    expect(sent).toHaveLength(1);
  });

  it('does not wait for ever, nor without a stream', () => {
    const { news, state } = world();
    news.follow(new Set(['vs']));
    expect(news.isSettled('vs')).toBe(true);
    news.opened();
    expect(news.isSettled('vs')).toBe(false);
    state.now += 1_000;
    expect(news.isSettled('vs')).toBe(true);
    state.now -= 1_000;
    news.closed();
    expect(news.isSettled('vs')).toBe(true);
  });

  it('answers who asks, and that one alone', () => {
    const { news, sent, asked } = world([item(1), item(2, MOST_ITEM + 1), item(3)]);
    news.follow(new Set(['vs']));
    news.heard(from('se-2', { ask: true, since: 77 }));
    news.heard(from('se-2', { ask: true, virtualServiceUuid: 'elsewhere' }));
    news.heard(from('se-2', { ask: true, topic: 'unknown' }));
    expect(asked).toEqual([['vs', 77]]);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ seUuid: 'se-2', last: true, ask: false });
    expect(sent[0]!.items.map((i) => i[0])).toEqual([1, 3]);
  });

  it('tells what was published while the stream was away, and asks since then', () => {
    jest.useFakeTimers();
    try {
      const { news, sent, state } = world();
      news.opened();
      news.follow(new Set(['vs']));
      news.publish('t', 'vs', [item(1)]);
      news.publish('t', 'vs', [item(2)]);
      expect(sent).toHaveLength(1);
      jest.advanceTimersByTime(20);
      expect(sent[1]!.items.map((i) => i[0])).toEqual([1, 2]);
      state.up = false;
      news.closed();
      news.publish('t', 'vs', [item(3)]);
      jest.advanceTimersByTime(10_000);
      expect(sent).toHaveLength(2);
      state.up = true;
      state.now += 60_000;
      news.opened();
      expect(sent[2]!.items.map((i) => i[0])).toEqual([3]);
      expect(sent[3]).toMatchObject({ ask: true, since: 1_000_000 - 10_000 });
    } finally {
      jest.useRealTimers();
    }
  });

  it('tells everything again when something was lost meanwhile', () => {
    const { news, sent, asked } = world([item(9)]);
    news.opened();
    news.follow(new Set(['vs']));
    news.closed();
    for (let i = 0; i <= MOST_WAITING / MOST_ITEM; i++) news.publish('t', 'vs', [item(1, MOST_ITEM)]);
    sent.length = 0;
    news.opened();
    expect(asked).toEqual([['vs', 990_000]]);
    expect(sent.filter((s) => s.last && s.seUuid === '').flatMap((s) => s.items.map((i) => i[0]))).toEqual([
      9,
    ]);
  });

  it('tries again while the stream takes nothing', () => {
    jest.useFakeTimers();
    try {
      const { news, sent, state } = world();
      news.opened();
      state.up = false;
      news.publish('t', 'vs', [item(1)]);
      jest.advanceTimersByTime(300);
      state.up = true;
      jest.advanceTimersByTime(250);
      expect(sent.map((s) => s.items.length)).toEqual([1]);
    } finally {
      jest.useRealTimers();
    }
  });
});
