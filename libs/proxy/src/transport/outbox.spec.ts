import { describe, expect, it } from '@jest/globals';
import { Outbox, type Sender } from './outbox.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

class Recorder implements Sender {
  heldBack = false;
  constructor(
    private readonly name: string,
    private readonly log: string[],
  ) {}
  sendHeldBack(data: Uint8Array, start: number, end: number): void {
    this.heldBack = false;
    this.log.push(`${this.name}:${Buffer.from(data.subarray(start, end)).toString('latin1')}`);
  }
}

function world() {
  const log: string[] = [];
  const tasks: (() => void)[] = [];
  const outbox = new Outbox((task) => tasks.push(task));
  const take = (sender: Sender, text: string) => outbox.take(sender, bytes(text), 0, text.length);
  return { log, tasks, outbox, take, a: new Recorder('a', log), b: new Recorder('b', log) };
}

describe('outbox', () => {
  it('sends in the order of the first writes, once for writes in a row, when the turn is over', () => {
    const { log, tasks, take, a, b } = world();
    expect([take(a, 'one'), take(a, ' two'), take(b, 'three')]).toEqual([true, true, true]);
    expect([log, tasks.length]).toEqual([[], 1]);
    tasks[0]!();
    expect(log).toEqual(['a:one two', 'b:three']);
    take(b, 'again');
    expect(tasks).toHaveLength(2);
  });

  it('does not take what would overtake or be overtaken', () => {
    const { log, outbox, take, a, b } = world();
    take(a, 'one');
    take(b, 'two');
    expect(take(a, 'late')).toBe(false);
    expect(take(b, 'x'.repeat(16 * 1024 + 1))).toBe(false);
    outbox.flush();
    expect(log).toEqual(['a:one', 'b:two']);
    expect(take(a, 'late')).toBe(true);
  });

  it('sends early when it is full', () => {
    const { log, take, a, b } = world();
    const large = 'x'.repeat(16 * 1024);
    for (let i = 0; i < 8; i++) take(a, large);
    expect(log).toEqual([]);
    expect(take(b, 'one more')).toBe(true);
    expect(log).toEqual([`a:${large.repeat(8)}`]);
    expect([a.heldBack, b.heldBack]).toEqual([false, true]);
  });
});
