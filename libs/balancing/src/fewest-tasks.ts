import type { AlgorithmContext } from './contract.js';
import { Least } from './least.js';

/**
 * The server with the fewest tasks per weight, as the servers' external monitors tell them; each request since then is
 * one task more, until the monitor tells again. With 100 tasks at one server and 10 at another the first 90 requests go
 * to the other, and then to both in turn. Ends of requests are not counted: how many tasks are over is the monitor's to
 * tell. A server of which nothing has been told yet has as many as the others have on average.
 */
export class FewestTasks extends Least {
  /** Requests of this worker to servers of which nothing has been told, since they were looked at last. */
  private readonly unknown: Float64Array;
  private average = 0;

  constructor(context: AlgorithmContext) {
    super(context);
    this.unknown = new Float64Array(context.table.count);
    this.refresh();
  }

  override pick(avoid: number, key: number): number {
    const place = super.pick(avoid, key);
    if (place >= 0) this.unknown[place]!++;
    return place;
  }

  override refresh(): void {
    const { table, tasks } = this.context;
    let sum = 0;
    let known = 0;
    for (let i = 0; i < table.count; i++) {
      const told = table.eligible[i] === 1 ? (tasks?.of(i) ?? -1) : -1;
      if (told < 0) continue;
      sum += told;
      known++;
    }
    this.average = known === 0 ? 0 : sum / known;
    this.unknown.fill(0);
    super.refresh();
  }

  loadOf(place: number): number {
    const told = this.context.tasks?.of(place) ?? -1;
    return told >= 0 ? told : this.average + this.unknown[place]!;
  }
}
