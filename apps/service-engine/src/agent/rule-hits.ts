import type { RuleHits } from '@spillway/proxy';

/** Rules that are remembered at most; what comes behind is not shown. */
const MOST = 10_000;

/** How often rules of policies have matched, over all workers, since the agent began. */
export class RuleHitBoard {
  readonly #rows = new Map<string, RuleHits>();

  add(rows: readonly RuleHits[]): void {
    for (const row of rows) {
      const key = `${row.virtual_service_uuid} ${row.policy_uuid} ${row.phase} ${row.index} ${row.name}`;
      const known = this.#rows.get(key);
      if (known !== undefined) known.hits += row.hits;
      else if (this.#rows.size < MOST) this.#rows.set(key, { ...row });
    }
  }

  /** Of policies that are still there. */
  rows(virtualServices: ReadonlySet<string>): RuleHits[] {
    for (const [key, row] of this.#rows)
      if (!virtualServices.has(row.virtual_service_uuid)) this.#rows.delete(key);
    return [...this.#rows.values()];
  }
}
