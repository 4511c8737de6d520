import { describe, expect, it } from '@jest/globals';
import { type Candidate, FailoverBreaker } from './breaker.js';

const lost = (...names: string[]): Candidate[] =>
  names.map((seUuid) => ({ seUuid, group: 'g', reason: 'stream lost', fenced: false }));
const names = (list: readonly Candidate[] | undefined): string[] => (list ?? []).map((c) => c.seUuid);
const HOLD = 360_000;

describe('FailoverBreaker', () => {
  it('lets one go down, also the only one', () => {
    expect(names(new FailoverBreaker().decide(0, lost('a'), () => 1, HOLD).down)).toEqual(['a']);
    expect(names(new FailoverBreaker().decide(0, lost('a'), () => 4, HOLD).down)).toEqual(['a']);
  });

  it('holds when more than half are lost at once, and lets half go', () => {
    expect(names(new FailoverBreaker().decide(0, lost('a', 'b'), () => 4, HOLD).down)).toEqual(['a', 'b']);
    const held = new FailoverBreaker().decide(0, lost('a', 'b', 'c'), () => 4, HOLD);
    expect(held.down).toEqual([]);
    expect(names(held.held.get('g'))).toEqual(['a', 'b', 'c']);
  });

  it('counts losses that follow each other as one incident', () => {
    const breaker = new FailoverBreaker();
    expect(names(breaker.decide(0, lost('a'), () => 3, HOLD).down)).toEqual(['a']);
    expect(names(breaker.decide(5_000, lost('b'), () => 2, HOLD).held.get('g'))).toEqual(['b']);
    const other = new FailoverBreaker();
    other.decide(0, lost('a'), () => 3, HOLD);
    expect(names(other.decide(60_000, lost('b'), () => 2, HOLD).down)).toEqual(['b']);
  });

  it('never holds what is known to have ended', () => {
    const dead = lost('a', 'b', 'c').map((c) => Object.assign(c, { fenced: true }));
    expect(names(new FailoverBreaker().decide(0, dead, () => 3, HOLD).down)).toEqual(['a', 'b', 'c']);
  });

  it('gives them up when they do not come back in time', () => {
    const breaker = new FailoverBreaker();
    breaker.decide(0, lost('a', 'b'), () => 2, HOLD);
    expect(breaker.decide(HOLD - 1, lost('a', 'b'), () => 2, HOLD).down).toEqual([]);
    expect(names(breaker.decide(HOLD, lost('a', 'b'), () => 2, HOLD).down)).toEqual(['a', 'b']);
  });

  it('holds the rest while they come back one by one', () => {
    const breaker = new FailoverBreaker();
    breaker.decide(0, lost('a', 'b', 'c'), () => 4, HOLD);
    expect(names(breaker.decide(1_000, lost('a', 'b'), () => 4, HOLD).held.get('g'))).toEqual(['a', 'b']);
    expect(names(breaker.decide(2_000, lost('a'), () => 4, HOLD).held.get('g'))).toEqual(['a']);
    expect(names(breaker.decide(HOLD, lost('a'), () => 4, HOLD).down)).toEqual(['a']);
  });

  it('forgets a hold that ended', () => {
    const breaker = new FailoverBreaker();
    breaker.decide(0, lost('a', 'b'), () => 2, HOLD);
    breaker.decide(1_000, [], () => 2, HOLD);
    expect(breaker.decide(HOLD + 1, lost('a', 'b'), () => 2, HOLD).down).toEqual([]);
  });
});
