import { HealthChecker, type ServerVerdict, type Verdict } from '@spillway/health';
import type { Pool, Snapshot } from '@spillway/snapshot';
import { HEALTH, SERVER_STATE_F64, type Mapping } from '@spillway/telemetry';
import type { SlotTable } from './slot-table.js';

const BYTE: Record<Verdict, number> = { unknown: HEALTH.UNKNOWN, up: HEALTH.UP, down: HEALTH.DOWN };

/** Checks the servers and writes the verdicts where the workers read them. */
export class HealthBoard {
  readonly #checker: HealthChecker;

  /**
   * @param inherit take over the verdicts that an earlier agent of this SE left in the mapping
   * @param now monotonic milliseconds on the clock of all processes of the machine
   */
  constructor(
    private readonly mapping: Mapping,
    private readonly servers: SlotTable,
    inherit: boolean,
    private readonly now: () => number,
    private readonly onChange: (verdicts: ServerVerdict[]) => void,
  ) {
    const inherited = new Map<string, boolean>();
    if (inherit)
      for (const [key, slot] of servers.entries()) {
        const verdict = mapping.health[slot];
        if (verdict === HEALTH.UP || verdict === HEALTH.DOWN) inherited.set(key, verdict === HEALTH.UP);
      }
    this.#checker = new HealthChecker({ inherited, onChange: (verdicts) => this.#write(verdicts) });
  }

  /** The slots of the snapshot must have been given before. */
  configure(snapshot: Snapshot): void {
    this.#checker.configure(snapshot);
  }

  verdicts(): ServerVerdict[] {
    return this.#checker.verdicts();
  }

  /** True when a first round of checks of the pool's servers is done, or none is made. */
  isChecked(poolUuid: string): boolean {
    return this.#checker.unchecked(poolUuid) === 0;
  }

  /** True when enough servers of the pool are up, or no first check is under way that could find more. */
  canServe(pool: Pool): boolean {
    return (
      this.#checker.unchecked(pool.uuid) === 0 ||
      this.#checker.up(pool.uuid) >= Math.max(1, pool.min_servers_up)
    );
  }

  close(): void {
    this.#checker.close();
  }

  #write(verdicts: ServerVerdict[]): void {
    for (const v of verdicts) {
      const slot = this.servers.get(v.key);
      if (slot === undefined) continue;
      if (v.verdict === 'up') this.#admit(slot, v.joined);
      this.mapping.setHealth(slot, BYTE[v.verdict]);
    }
    this.mapping.publishHealth();
    this.onChange(verdicts);
  }

  /** Notes since when a server is up that was not; what was up all the time keeps its moment. */
  #admit(slot: number, joined: boolean): void {
    if (this.mapping.health[slot] === HEALTH.UP) return;
    const at = this.mapping.stateF64(slot) + SERVER_STATE_F64.ADMITTED_AT;
    this.mapping.f64[at] = joined ? this.now() : 0;
  }
}
