import { describe, expect, it } from '@jest/globals';
import type { ClientsReport } from '../clients/report.js';
import { quantile, timesToLive } from './live.js';

const of = (se: string, origins: string) =>
  origins.split('').map((origin, i) => ({ se, origin, startedAt: i * 10, endedAt: i * 10 + 1 }));

/** Requests of two SEs, a millisecond each, one after the other: the letters name the origins. */
const report = (first: string, second: string): ClientsReport =>
  ({ name: 'observer', requests: [...of('se-1', first), ...of('se-2', second)] }) as ClientsReport;

describe('timesToLive', () => {
  it('is the time until the slowest SE has answered from the origin', () => {
    expect(timesToLive(report('aabbb', 'aaaab'), [{ answeredAt: 15, origin: 'b' }])).toEqual([26]);
  });

  it('does not take what was over before the answer for an effect', () => {
    expect(timesToLive(report('baab', 'baab'), [{ answeredAt: 15, origin: 'b' }])).toEqual([16]);
  });

  it('waits for as many in a row as only the edit brings', () => {
    const edit = { answeredAt: 0, origin: 'b', inARow: 2 };
    expect(timesToLive(report('abaabb', 'bbabaa'), [edit])).toEqual([51]);
  });

  it('takes an edit that an SE went over as shown with the next one', () => {
    const edits = [
      { answeredAt: 5, origin: 'b' },
      { answeredAt: 25, origin: 'a' },
    ];
    expect(timesToLive(report('abbaa', 'aaaaa'), edits)).toEqual([26, 6]);
  });

  it('fails when an SE never showed the edit nor what came after it', () => {
    const edits = [
      { answeredAt: 5, origin: 'b' },
      { answeredAt: 25, origin: 'a' },
    ];
    expect(() => timesToLive(report('aba', 'aab'), edits.slice(0, 1))).not.toThrow();
    const last = [...edits, { answeredAt: 45, origin: 'c' }];
    expect(() => timesToLive(report('abaaac', 'aaaaaa'), last)).toThrow('edit 2 never had effect on se-2');
    expect(() => timesToLive(report('ab', 'aa'), edits.slice(0, 1))).toThrow('never had effect on se-2');
    expect(() => timesToLive({ ...report('', ''), requests: [] }, edits)).toThrow('no request');
  });
});

describe('quantile', () => {
  it('is a value of the list', () => {
    const values = Array.from({ length: 200 }, (_, i) => 200 - i);
    expect([0, 0.5, 0.99, 1].map((q) => quantile(values, q))).toEqual([1, 100, 198, 200]);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
