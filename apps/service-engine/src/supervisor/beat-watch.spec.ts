import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BackOff } from './back-off.js';
import { BEAT_FILE_BYTES, formatBeat, parseBeat } from './beat-file.js';
import { BeatWatch, isToBeKilled } from './beat-watch.js';

describe('the watch over beats', () => {
  it('tells of one that is silent for its time-out, and of nobody else', () => {
    const watch = new BeatWatch<string>(100);
    let found = 0;
    for (let t = 0; t <= 1000 && found === 0; t += 100) {
      const hung = watch.tick(t, [
        { key: 'alive', beat: t, timeout: 600 },
        { key: 'hung', beat: 7, timeout: 600 },
      ]);
      if (hung.length > 0) {
        expect(hung).toEqual([{ key: 'hung', silent: 600, timeout: 600 }]);
        found = t;
      }
    }
    expect(found).toBe(600);
  });

  it('a watcher that was late itself waits a full time-out again', () => {
    const watch = new BeatWatch<string>(100);
    const silent = [{ key: 'w', beat: 1, timeout: 600 }];
    for (let t = 0; t <= 500; t += 100) expect(watch.tick(t, silent)).toEqual([]);
    expect(watch.tick(5_000, silent)).toEqual([]);
    for (let t = 5_100; t < 5_600; t += 100) expect(watch.tick(t, silent)).toEqual([]);
    expect(watch.tick(5_600, silent)).toMatchObject([{ key: 'w' }]);
  });

  it('one that always beats between two ticks is never told of, however late the ticks come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 50 }), (gaps) => {
        const watch = new BeatWatch<string>(100);
        let now = 0;
        for (const [beat, gap] of gaps.entries()) {
          now += gap;
          expect(watch.tick(now, [{ key: 'w', beat, timeout: 100 }])).toEqual([]);
        }
      }),
    );
  });
});

it('who computes is given more time than who is stopped, but not for ever', () => {
  expect(isToBeKilled({ silent: 600, timeout: 600 }, 'T')).toBe(true);
  expect(isToBeKilled({ silent: 600, timeout: 600 }, 'S')).toBe(true);
  expect(isToBeKilled({ silent: 600, timeout: 600 }, 'R')).toBe(false);
  // It had the processor all the time and did not come round: its loop is stuck.
  expect(isToBeKilled({ silent: 600, timeout: 600 }, 'R', 500)).toBe(true);
  // Others had it.
  expect(isToBeKilled({ silent: 600, timeout: 600 }, 'R', 100)).toBe(false);
  // It has said that it takes in a configuration.
  expect(isToBeKilled({ silent: 600, timeout: 600 }, 'R', 600, true)).toBe(false);
  expect(isToBeKilled({ silent: 3000, timeout: 600 }, 'R', 3000, true)).toBe(true);
  expect(isToBeKilled({ silent: 600, timeout: 600 }, 'T', 0, true)).toBe(true);
  expect(isToBeKilled({ silent: 3_000, timeout: 600 }, 'R')).toBe(true);
});

it('a process is started again at once, then ever later, and anew when it had recovered', () => {
  const backOff = new BackOff();
  expect([10, 10, 10, 10].map((lived) => backOff.next(lived))).toEqual([0, 100, 200, 400]);
  for (let i = 0; i < 20; i++) backOff.next(10);
  expect(backOff.next(10)).toBe(5_000);
  expect(backOff.next(10, true)).toBe(200);
  expect(backOff.next(30_000)).toBe(0);
});

describe('a beat file', () => {
  const record = { pid: 4711, start_time: 99, pid_scope: 'a:b', timeout: 600, beat: 3 };

  it('reads back as it was written, and always has the same size', () => {
    expect(formatBeat(record)).toHaveLength(BEAT_FILE_BYTES);
    expect(parseBeat(formatBeat(record))).toEqual(record);
  });

  it('names nobody when it is torn, foreign or dangerous', () => {
    for (const text of [
      '',
      '{',
      'null',
      formatBeat(record).slice(0, 20),
      JSON.stringify({ ...record, pid: 1 }),
    ])
      expect(parseBeat(text)).toBeUndefined();
    expect(parseBeat(JSON.stringify({ ...record, timeout: 1 }))).toBeUndefined();
    expect(parseBeat(JSON.stringify({ ...record, pid: -4711 }))).toBeUndefined();
  });
});
