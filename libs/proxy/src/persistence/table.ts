import { poolTag, serverName, serverTag, sinceOf } from '@spillway/persistence';
import type { PersistenceProfile } from '@spillway/snapshot';
import type { ClientKey, PersistenceTable } from '@spillway/telemetry';
import { Timed } from '../core/clock.js';
import type { PlaneContext } from '../core/context.js';
import type { ServerRuntime } from '../core/server.js';
import type { Known, Persistence } from './persistence.js';
import type { ServerNames } from './servers.js';

/** How often clients with an open connection are noted as being there, milliseconds. */
const LOOK_MS = 15_000;

/** A client in the table, under a key that can change when its server tells it another one. */
export class TableKnown implements Known, ClientKey {
  lo = 0;
  hi = 0;
  server: ServerRuntime | null = null;
  /** What the table told, whether or not it is a server of the pool. */
  told = false;
  serverLo = 0;
  serverHi = 0;

  constructor(readonly by: ClientTable) {}

  /** Nothing tells this client from others. */
  get isNobody(): boolean {
    return this.lo === 0 && this.hi === 0;
  }

  take(key: ClientKey): this {
    this.lo = key.lo === 0 ? 1 : key.lo;
    this.hi = key.hi;
    return this;
  }
}

/** Clients of one pool in the table that all workers share. */
export abstract class ClientTable extends Timed implements Persistence {
  readonly whenDown: PersistenceProfile['when_down'];
  /** Seconds that a client is remembered after it was seen last. */
  private readonly life: number;
  protected readonly pool: number;
  private readonly table: PersistenceTable;
  private readonly open = new Set<TableKnown>();

  constructor(
    private readonly context: PlaneContext,
    poolUuid: string,
    private readonly names: ServerNames,
    profile: PersistenceProfile,
    life: number,
  ) {
    super();
    this.whenDown = profile.when_down;
    this.life = life;
    this.pool = poolTag(poolUuid);
    this.table = context.persistence.table;
  }

  abstract recognise(client: Parameters<Persistence['recognise']>[0]): TableKnown;

  /** Looks up who `known` is, and notes that it was seen. */
  protected find(known: TableKnown): TableKnown {
    if (known.isNobody) return known;
    const found = this.table.find(known, this.now(), this.life);
    known.told = found !== null;
    if (found === null) known.server = null;
    else {
      known.serverLo = found.serverLo;
      known.serverHi = found.serverHi;
      known.server = this.names.tagged(found.serverLo, found.serverHi);
    }
    return known;
  }

  learn(known: Known, server: ServerRuntime): ServerRuntime {
    return this.note(known as TableKnown, server);
  }

  protected note(known: TableKnown, server: ServerRuntime): ServerRuntime {
    if (known.isNobody) return server;
    const [serverLo, serverHi] = serverTag(serverName(server));
    const { pool, life } = this;
    const instead = known.told ? { serverLo: known.serverLo, serverHi: known.serverHi } : null;
    const lesson = { serverLo, serverHi, pool, life, instead };
    const found = this.table.learn(
      known,
      lesson,
      this.now(),
      sinceOf(Date.now()),
      this.context.persistence.origin,
    );
    if (found === null) return server;
    known.told = true;
    known.serverLo = found.serverLo;
    known.serverHi = found.serverHi;
    return this.names.tagged(found.serverLo, found.serverHi) ?? server;
  }

  begins(known: Known): void {
    if (this.open.size === 0) this.context.clock.arm(this, LOOK_MS);
    this.open.add(known as TableKnown);
  }

  ends(known: Known): void {
    if (this.open.delete(known as TableKnown)) this.seen(known as TableKnown);
  }

  /** Connections are open: their clients are there. */
  override onTimeout(): void {
    for (const known of this.open) this.seen(known);
    if (this.open.size > 0) this.context.clock.arm(this, LOOK_MS);
  }

  private seen(known: TableKnown): void {
    if (!known.isNobody) this.table.find(known, this.now(), this.life);
  }

  private now(): number {
    return (this.context.transport.now() / 1000) | 0;
  }
}
