import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { memberKey } from '@spillway/health';
import type { Snapshot } from '@spillway/snapshot';
import { POOL_CELL, type Mapping } from '@spillway/telemetry';
import { Refused } from './candidate.js';
import { SlotsExhausted, SlotTable, type SavedSlots } from './slot-table.js';

interface Saved {
  virtual_services: SavedSlots;
  servers: SavedSlots;
  pools?: SavedSlots;
}

/** The slots of the shared mapping: one per virtual service, per server of a pool, and per pool that limits connections. */
export class Slots {
  readonly services: SlotTable;
  readonly servers: SlotTable;
  readonly pools: SlotTable;
  /** An earlier agent of the same SE had given slots: its workers serve already. */
  readonly inherited: boolean;

  /** @param file where they are kept for the next agent under the same supervisor */
  constructor(
    private readonly mapping: Mapping,
    private readonly file: string,
  ) {
    const saved = read(file);
    this.inherited = saved !== undefined;
    const { virtualServices, servers, pools } = mapping.layout;
    this.services = new SlotTable(virtualServices, 'virtual services', saved?.virtual_services);
    this.servers = new SlotTable(servers, 'servers', saved?.servers);
    this.pools = new SlotTable(pools, 'pools that limit connections', saved?.pools);
  }

  /**
   * Gives everything in the snapshot a slot; what is not in it begins to leave with configuration `sequence`.
   * `@throws {Refused}` when there is no room
   */
  assign(snapshot: Snapshot, sequence: number): void {
    const services = new Set(snapshot.virtual_services.map((v) => v.uuid));
    const servers = new Set(snapshot.pools.flatMap((p) => p.servers.map((s) => memberKey(p.uuid, s))));
    const pools = new Set(snapshot.pools.filter((p) => p.max_connections !== undefined).map((p) => p.uuid));
    try {
      for (const slot of this.services.assign(services, sequence)) this.mapping.clearService(slot);
      for (const slot of this.servers.assign(servers, sequence)) this.mapping.clearServer(slot);
      for (const slot of this.pools.assign(pools, sequence)) this.mapping.clearPool(slot);
    } catch (error) {
      if (error instanceof SlotsExhausted) throw new Refused(error.code, error.message);
      throw error;
    }
    this.mapping.setUsed(this.services.used, this.servers.used, this.pools.used);
    const saved: Saved = {
      virtual_services: this.services.save(),
      servers: this.servers.save(),
      pools: this.pools.save(),
    };
    writeFileSync(`${this.file}.new`, JSON.stringify(saved), { mode: 0o600 });
    renameSync(`${this.file}.new`, this.file);
  }

  /** Every worker runs configuration `sequence`, or a later one. */
  left(sequence: number, now: number): void {
    this.services.left(sequence, now);
    this.servers.left(sequence, now);
    this.pools.left(sequence, now);
  }

  /** Frees what nobody counts on any more. */
  reclaim(now: number): void {
    const { mapping } = this;
    this.services.reclaim(now, (slot) => mapping.clientsOf(slot) === 0);
    this.servers.reclaim(now, (slot) => mapping.activeOf(slot) === 0 && mapping.placesOf(slot) === 0);
    this.pools.reclaim(now, (slot) => mapping.poolSum(slot, POOL_CELL.QUEUED) === 0);
  }

  /** As the workers are told. */
  maps(): Record<'virtual_services' | 'servers' | 'pools', Map<string, number>> {
    return {
      virtual_services: new Map(this.services.entries()),
      servers: new Map(this.servers.entries()),
      pools: new Map(this.pools.entries()),
    };
  }
}

function read(file: string): Saved | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Saved;
  } catch {
    return undefined; // the first agent of this SE
  }
}
