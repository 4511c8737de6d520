import type { ServerTable } from './contract.js';

/** The eligible servers of a table with their weights (`ratio x share`), to be drawn from by a number. */
export class Chances {
  private readonly places: Uint16Array;
  /** Sum of the weights up to and with that of `places[i]`. */
  private readonly sums: Float64Array;
  /** Index of each place in `places`; -1 where its weight is 0. */
  private readonly where: Int32Array;
  private length = 0;

  /** @param order all places, in the order in which they are to lie; absent: as in the table */
  constructor(
    private readonly table: ServerTable,
    private readonly order?: ArrayLike<number>,
  ) {
    this.places = new Uint16Array(table.count);
    this.sums = new Float64Array(table.count);
    this.where = new Int32Array(table.count);
  }

  /** `table.eligible` or `table.shares` has changed. */
  refresh(): void {
    const { table, order, places, sums, where } = this;
    let n = 0;
    let sum = 0;
    where.fill(-1);
    for (let i = 0; i < table.count; i++) {
      const place = order === undefined ? i : order[i]!;
      const weight = table.eligible[place] === 1 ? table.ratios[place]! * table.shares[place]! : 0;
      if (weight <= 0) continue;
      sum += weight;
      where[place] = n;
      places[n] = place;
      sums[n++] = sum;
    }
    this.length = n;
  }

  /**
   * The server at `part` (from 0, below 1) of all weights but those of `avoid` and `avoidToo`; -1 when there is no other.
   */
  at(part: number, avoid: number, avoidToo = -1): number {
    const { length, sums, places } = this;
    if (length === 0) return -1;
    let one = this.indexOf(avoid);
    let two = avoidToo === avoid ? -1 : this.indexOf(avoidToo);
    if (two !== -1 && (one === -1 || two < one)) [one, two] = [two, one];
    const left = sums[length - 1]! - this.weight(one) - this.weight(two);
    if (length - (one === -1 ? 0 : 1) - (two === -1 ? 0 : 1) === 0) return -1;
    let at = part * left;
    if (one !== -1 && at >= this.before(one)) at += this.weight(one);
    if (two !== -1 && at >= this.before(two)) at += this.weight(two);
    let index = this.find(at);
    // What rounding may have let through at the very edge of a weight.
    while (index === one || index === two) index = index + 1 === length ? 0 : index + 1;
    return places[index]!;
  }

  private before(index: number): number {
    return index === 0 ? 0 : this.sums[index - 1]!;
  }

  private weight(index: number): number {
    return index === -1 ? 0 : this.sums[index]! - this.before(index);
  }

  /** Index of the first sum above `value`; the last one when there is none. */
  private find(value: number): number {
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sums[middle]! > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private indexOf(place: number): number {
    return place < 0 ? -1 : (this.where[place] ?? -1);
  }
}
