import {
  HealthChecker,
  probesOver,
  TlsContexts,
  type CheckCounts,
  type MonitorReport,
  type ServerVerdict,
  type Verdict,
} from '@spillway/health';
import { bunTransport } from '@spillway/proxy/bun';
import { tlsLibraryHere } from '@spillway/proxy/tls';
import type { Pool, Snapshot } from '@spillway/snapshot';
import { HEALTH, SERVER_STATE_F64, type Mapping } from '@spillway/telemetry';
import { descriptorLimit } from '../process/limits.js';
import type { SharedChecks } from './shared-checks.js';
import type { SlotTable } from './slot-table.js';
import { TasksBoard } from './tasks-board.js';

/** Checks that may be under way at once. */
const MOST_CHECKS = 8192;

const BYTE: Record<Verdict, number> = { unknown: HEALTH.UNKNOWN, up: HEALTH.UP, down: HEALTH.DOWN };

/** Checks the servers and writes the verdicts where the workers read them. */
export class HealthBoard {
  readonly #checker: HealthChecker;
  readonly #tasks: TasksBoard;

  /**
   * @param inherit take over the verdicts that an earlier agent of this SE left in the mapping
   * @param now monotonic milliseconds on the clock of all processes of the machine
   */
  constructor(
    private readonly mapping: Mapping,
    private readonly servers: SlotTable,
    inherit: boolean,
    private readonly now: () => number,
    private readonly shared: SharedChecks,
    private readonly onChange: (verdicts: ServerVerdict[]) => void,
  ) {
    const inherited = new Map<string, boolean>();
    if (inherit)
      for (const [key, slot] of servers.entries()) {
        const verdict = mapping.health[slot];
        if (verdict === HEALTH.UP || verdict === HEALTH.DOWN) inherited.set(key, verdict === HEALTH.UP);
      }
    this.#tasks = new TasksBoard(mapping, servers, now);
    const transport = bunTransport();
    // Monitors over TLS use what traffic uses, from where the workers have it.
    tlsLibraryHere(process.env['SPILLWAY_OPENSSL_DIR']);
    this.#checker = new HealthChecker({
      inherited,
      sharing: shared,
      // The other half of the descriptors is for workers, the controller and what a check leaves behind.
      concurrency: Math.min(MOST_CHECKS, Math.floor(descriptorLimit().soft / 2)),
      makeProbe: (wheel) => probesOver({ transport, wheel, tls: new TlsContexts() }),
      onChange: (verdicts) => this.#write(verdicts),
      onTasks: (key, tasks) => this.#tasks.told(key, tasks),
    });
    shared.hear((from, items) => this.#checker.heard(from, items));
  }

  /** The slots of the snapshot must have been given before. */
  configure(snapshot: Snapshot): void {
    this.#tasks.configure(snapshot);
    this.#checker.configure(snapshot);
  }

  verdicts(): ServerVerdict[] {
    return this.#checker.verdicts();
  }

  /** What another SE knows of servers of which nothing is known here yet. */
  inherit(known: Iterable<readonly [key: string, up: boolean]>): void {
    this.#checker.inherit(known);
  }

  /** What each monitor of each server of a pool says, by `address:port`. */
  reports(poolUuid: string): Map<string, MonitorReport[]> {
    return new Map(
      this.#checker
        .serversOf(poolUuid)
        .map((server) => [server, this.#checker.reports(`${poolUuid}/${server}`)]),
    );
  }

  /** Checks that were made here since the start. */
  get made(): { readonly passed: number; readonly failed: number } {
    return this.#checker.made;
  }

  /** Checks that were made since they were taken last. */
  takeCounts(): CheckCounts[] {
    return this.#checker.takeCounts();
  }

  /** True when a first round of checks of the pool's servers is done, or none is made. */
  isChecked(poolUuid: string): boolean {
    return this.#checker.unchecked(poolUuid) === 0;
  }

  /** True when as many servers of the pool are up as it needs. */
  isUp(pool: Pool): boolean {
    return this.#checker.up(pool.uuid) >= Math.max(1, pool.min_servers_up);
  }

  /** True when enough servers of the pool are up, or no first check is under way that could find more. */
  canServe(pool: Pool): boolean {
    return (
      this.#checker.unchecked(pool.uuid) === 0 ||
      this.#checker.up(pool.uuid) >= Math.max(1, pool.min_servers_up)
    );
  }

  close(): void {
    this.#tasks.close();
    this.#checker.close();
    this.shared.close();
  }

  #write(verdicts: ServerVerdict[]): void {
    for (const v of verdicts) {
      const slot = this.servers.get(v.key);
      if (slot !== undefined) this.#writeOne(slot, v);
    }
    this.mapping.publishHealth();
    this.onChange(verdicts);
  }

  /** The moment of admission stands before the verdict that lets workers use the server. */
  #writeOne(slot: number, { verdict, became }: ServerVerdict): void {
    const { mapping } = this;
    if (verdict === 'up' && mapping.health[slot] !== HEALTH.UP)
      mapping.f64[mapping.stateF64(slot) + SERVER_STATE_F64.ADMITTED_AT] = became === 'kept' ? 0 : this.now();
    mapping.setHealth(slot, BYTE[verdict]);
  }
}
