import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Transport } from '../transport/seam.js';
import { Budget, type Holder } from './budget.js';

class Peer implements Holder {
  heldBefore = 0;
  gone = false;
  constructor(
    readonly holderAddress: string,
    public held: number,
  ) {}
  heldBytes(): number {
    return this.gone ? 0 : this.held;
  }
  shed(): void {
    this.gone = true;
  }
}

const transport = (sockets = 0) =>
  ({ queuedBytes: () => 0, openSockets: () => sockets }) as unknown as Transport;

describe('the budget of waiting bytes', () => {
  it('leaves everybody alone while there is room', () => {
    const peers = [new Peer('a', 100), new Peer('b', 200), new Peer('c', 190)];
    const budget = new Budget(transport(), 1000);
    budget.look(peers);
    expect([budget.used, budget.exceeded, peers.some((p) => p.gone)]).toEqual([490, false, false]);
  });

  it('ends those that do not move first, the largest first, and no more than it must', () => {
    const peers = ['a', 'b', 'c', 'd', 'e', 'f'].map((address, i) => new Peer(address, 150 + i));
    peers[0]!.heldBefore = 150;
    peers[1]!.heldBefore = 151;
    const budget = new Budget(transport(), 900);
    budget.look(peers);
    // 915 bytes: the two that are stuck bring it below 80 %.
    expect(peers.map((p) => p.gone)).toEqual([true, true, false, false, false, false]);
    expect([budget.shedCount, budget.exceeded]).toEqual([2, false]);
  });

  it('keeps one client from holding more than its share once half is used', () => {
    const greedy = Array.from({ length: 10 }, () => new Peer('greedy', 60));
    const modest = [new Peer('x', 30), new Peer('y', 40)];
    const budget = new Budget(transport(), 1000);
    budget.look([...greedy, ...modest]);
    const left = greedy.filter((p) => !p.gone).length * 60;
    expect(left).toBeLessThanOrEqual(250);
    expect(left).toBeGreaterThan(150);
    expect(modest.some((p) => p.gone)).toBe(false);
  });

  it('never leaves more than the budget, whoever holds what', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 500 }), fc.boolean()), {
          maxLength: 60,
        }),
        (rows) => {
          const peers = rows.map(([client, held, stuck]) => {
            const peer = new Peer(`${client}`, held);
            if (stuck) peer.heldBefore = held;
            return peer;
          });
          const budget = new Budget(transport(), 1000);
          budget.look(peers);
          const left = peers.reduce((sum, p) => sum + p.heldBytes(), 0);
          expect(left).toBeLessThanOrEqual(1000);
          expect(budget.used).toBe(left);
        },
      ),
    );
  });

  it('counts sockets against the descriptors', () => {
    expect(new Budget(transport(7), 1, 10).hasDescriptors).toBe(true);
    expect(new Budget(transport(7), 1, 10, () => 1).hasDescriptors).toBe(false);
    expect(new Budget(transport(18_975), 1, 20_000).hasDescriptors).toBe(true);
    expect(new Budget(transport(18_976), 1, 20_000).hasDescriptors).toBe(false);
  });
});
