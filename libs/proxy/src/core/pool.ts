import {
  createAlgorithm,
  hashText,
  feedOf,
  type Algorithm,
  type AlgorithmContext,
  type Feed,
  type ServerTable,
} from '@spillway/balancing';
import type { ConsistentHash, PersistenceProfile, Pool as PoolSpec, Server } from '@spillway/snapshot';
import { HEADER, HEALTH, SERVER_STATE_I32 } from '@spillway/telemetry';
import { FailAction } from '../http/fail-action.js';
import { HostNames } from '../http/host-header.js';
import { Reselect, shorter } from '../http/reselect.js';
import type { ServerProtocol } from '../http/server-link.js';
import type { ClientContext } from '../tls/client-contexts.js';
import type { CompiledClientTls } from '../tls/compile.js';
import { ABORT, chooseKnown, type Choosing } from '../persistence/choose.js';
import { persistenceFor } from '../persistence/make.js';
import type { Persistence } from '../persistence/persistence.js';
import type { Asker } from './asker.js';
import type { PlaneContext } from './context.js';
import { FreeChoice } from './free-choice.js';
import { latencyState } from './latency.js';
import { Refusal } from './refusal.js';
import { Room } from './room.js';
import type { ServerRuntime } from './server.js';
import { Shares } from './shares.js';
import { Tasks } from './tasks.js';

/** As published (`lb_algorithm_core_nonaffinity`). */
const CORE_NONAFFINITY = 2;
const BY_CLIENT: ConsistentHash = { key: 'client_ip', ignore_server_port: false };

/** The same on every SE and for every pool that has the server. */
function identityOf(spec: PoolSpec, { address, port }: ServerRuntime): number {
  return hashText(spec.consistent_hash?.ignore_server_port === true ? address : `${address} ${port}`);
}

/** How many connections each server of a pool may have here. */
export interface Places {
  /** The pool's slot of the shared mapping. */
  readonly slot: number;
  readonly most: number;
}

/** Turns that all workers take together. */
function turnsOf({ mapping }: PlaneContext, slot: number): () => number {
  const at = mapping.stateI32(slot) + SERVER_STATE_I32.TURN;
  return () => Atomics.add(mapping.i32, at, 1) >>> 0;
}

/**
 * A pool under one configuration. It never changes, but for which of its servers are up, and their shares; a changed pool is a new
 * object, and requests that began under the old one end under it.
 */
export class Pool implements Choosing {
  readonly algorithm: Algorithm;
  /** What the algorithm wants to be told of requests; null for most. */
  readonly feed: Feed | null;
  /** How requests get to its servers. */
  readonly protocol: ServerProtocol;
  /** What requests have to be told apart by; null when the algorithm does not ask. */
  readonly hash: ConsistentHash | null;
  /** TLS to its servers; null when it has none. */
  readonly tls: ClientContext | null;
  /** What becomes of those that it cannot serve; null: nothing special. */
  readonly failAction: FailAction | null;
  /** When requests that its servers fail go to others of it; null: where a connection could not be had. */
  readonly reselect: Reselect | null;
  /** Longest wait for a connection to a server, and for the head of its response; 0: for ever, and as the profile says. */
  readonly connectTimeout: number;
  readonly serverTimeout: number;
  /** What its servers are told as Host; null: what the client said. */
  readonly hosts: HostNames | null;
  /** How clients come back to their server; null when they do not. */
  readonly persistence: Persistence | null;
  /** How many connections its servers may have; null when that is not limited. */
  readonly room: Room | null;
  private readonly free: FreeChoice | null;
  /** Why `choose` gave nothing last. */
  refusal = Refusal.Down;
  private readonly table: ServerTable;
  private readonly shares: Shares;
  private seen = -1;
  private up = 0;
  private picks: number;

  /**
   * @param servers in the order of `spec.servers`
   * @param slots of the same servers
   * @param places what the pool allows its servers here; null for no limit
   * @param previous what the pool was before, to go on where its turn is
   */
  constructor(
    private readonly context: PlaneContext,
    readonly spec: PoolSpec,
    readonly servers: readonly ServerRuntime[],
    private readonly slots: Int32Array,
    previous: Pool | null,
    private readonly clientTls: CompiledClientTls,
    profile: PersistenceProfile | null = null,
    places: Places | null = null,
  ) {
    this.tls = clientTls.context;
    this.hosts = HostNames.of(spec);
    this.persistence = persistenceFor(context, spec, servers, profile);
    this.reselect = Reselect.of(spec.reselect);
    this.connectTimeout = shorter(spec.connect_timeout, spec.reselect?.timeout ?? 0);
    this.serverTimeout = spec.server_timeout ?? 0;
    this.protocol = context.protocolOf(spec);
    this.failAction = FailAction.of(spec.fail_action);
    this.hash = spec.algorithm === 'consistent_hash' ? (spec.consistent_hash ?? BY_CLIENT) : null;
    const count = servers.length;
    const { layout } = context.mapping;
    this.table = {
      count,
      slots,
      identities: Uint32Array.from(servers, (s) => identityOf(spec, s)),
      ratios: Uint8Array.from(spec.servers, (s) => s.ratio),
      eligible: new Uint8Array(count),
      shares: new Float64Array(count),
      reduced: false,
    };
    this.shares = new Shares(context, spec.connection_ramp, slots, () => (this.seen = -1));
    this.room =
      places === null
        ? null
        : new Room(context, spec, servers, slots, places.slot, places.most, previous?.room ?? null);
    this.free = this.room === null ? null : new FreeChoice(this, this.room);
    this.picks = previous?.picks ?? Math.floor((context.block.index * count) / layout.workers);
    const algorithmContext: AlgorithmContext = {
      table: this.table,
      counts: {
        cells: context.block.active,
        stride: layout.activeStride,
        workers: layout.workers,
      },
      start: this.picks,
      worker: context.block.index,
      coreNonaffinity: spec.core_nonaffinity ?? CORE_NONAFFINITY,
      turn: spec.turns_per_se === true && count > 0 ? turnsOf(context, slots[0]!) : undefined,
      latency: latencyState(context, slots),
      previous: previous?.algorithm ?? null,
      serving: () => context.mapping.serving(context.block.index),
      tasks: spec.algorithm === 'fewest_tasks' ? new Tasks(context.mapping, slots) : undefined,
      capacityThreshold: spec.capacity_ttfb_threshold ?? 0,
    };
    this.algorithm = createAlgorithm(spec.algorithm, algorithmContext);
    this.feed = feedOf(this.algorithm, algorithmContext, spec.capacity_estimation === true);
  }

  /**
   * The server for a client's request or connection, not `avoid` if there is another; null when there is none, and
   * `refusal` tells why.
   */
  choose(client: Asker, avoid: ServerRuntime | null): ServerRuntime | null {
    const { persistence } = this;
    const server =
      this.free !== null
        ? this.free.choose(client, avoid)
        : persistence === null
          ? this.pick(avoid, client.key)
          : chooseKnown(this, persistence, client, avoid);
    if (server === ABORT) {
      this.refusal = Refusal.PersistentServerDown;
      return null;
    }
    if (server === null && this.free === null) this.refusal = Refusal.Down;
    return server;
  }

  mayServe(server: ServerRuntime): boolean {
    if (this.clientTls.problem !== null || server.pool !== this) return false;
    return (this.available() > 0 && this.isUp(server.place)) || this.isEnding(server);
  }

  /** Clients that belong to a server may come to it while it drains. */
  private isEnding(server: ServerRuntime): boolean {
    const keeps = this.spec.enabled && this.spec.drain_keeps_persistence === true;
    return keeps && server.isEnding && !server.isDown;
  }

  inService(server: ServerRuntime): boolean {
    return (
      this.spec.enabled &&
      this.clientTls.problem === null &&
      server.pool === this &&
      server.state === 'enabled'
    );
  }

  /**
   * A server that was chosen in another way, with a place where the pool limits connections; null when it is full, and
   * `refusal` tells so.
   */
  admit(server: ServerRuntime, client: Asker): ServerRuntime | null {
    if (this.room === null || this.room.admits(server, client)) return server;
    this.refusal = Refusal.Full;
    return null;
  }

  /** Which servers have become full, or free, is looked at again before the next pick. */
  renew(): void {
    this.seen = -1;
  }

  /** It has servers enough that are up, full or not. */
  get isServing(): boolean {
    return this.available() > 0 && this.clientTls.problem === null;
  }

  /**
   * One that is none of these, with a place where the pool limits connections, for a request that they have failed;
   * null when there is none. The least busy of them, so that what one server has failed does not meet the next as a
   * crowd.
   */
  chooseOther(client: Asker, tried: readonly ServerRuntime[]): ServerRuntime | null {
    if (!this.isServing) return null;
    const passed = tried.slice();
    for (;;) {
      const server = this.leastBusy(passed);
      if (server === null || this.admit(server, client) !== null) return server;
      passed.push(server);
    }
  }

  private leastBusy(passed: readonly ServerRuntime[]): ServerRuntime | null {
    const { servers, table } = this;
    const { count, ratios, shares } = table;
    let best: ServerRuntime | null = null;
    let least = Infinity;
    this.picks = (this.picks + 1) & 0x3fff_ffff;
    for (let n = 0; n < count; n++) {
      const i = (this.picks + n) % count;
      const server = servers[i]!;
      if (!this.isUp(i) || passed.includes(server)) continue;
      if (this.room !== null && this.room.free.isFull(i)) continue;
      const load = (server.active + 1) / (ratios[i]! * shares[i]!);
      if (load >= least) continue;
      best = server;
      least = load;
    }
    return best;
  }

  /**
   * The server for a request, not `avoid` if there is another; null when none may be used (`whyNot` tells).
   * @param key hash of what belongs together; 0 will do where `hash` is null
   */
  pick(avoid: ServerRuntime | null, key: number): ServerRuntime | null {
    if (this.context.mapping.i32[HEADER.HEALTH_EPOCH] !== this.seen) this.refresh();
    if (this.up < this.spec.min_servers_up || this.clientTls.problem !== null) return null;
    const place = this.algorithm.pick(avoid !== null && avoid.pool === this ? avoid.place : -1, key);
    if (place < 0) return null;
    this.picks = (this.picks + 1) & 0x3fff_ffff;
    return this.servers[place]!;
  }

  /** The server of that hint, when it may be used; null otherwise. */
  byHint(hint: number): ServerRuntime | null {
    if (this.context.mapping.i32[HEADER.HEALTH_EPOCH] !== this.seen) this.refresh();
    if (this.up < this.spec.min_servers_up) return null;
    for (const [place, server] of this.servers.entries())
      if (server.hint === hint && (this.isUp(place) || server.isEnding)) return server;
    return null;
  }

  /** Servers that may be used now; 0 when the pool is down. */
  available(): number {
    if (this.context.mapping.i32[HEADER.HEALTH_EPOCH] !== this.seen) this.refresh();
    return this.up < this.spec.min_servers_up ? 0 : this.up;
  }

  /**
   * The server of that address, or of that name where the pool has servers looked up by name, and port where one is
   * given, when it may be used; null otherwise.
   */
  serverAt(wanted: { address: string } | { name: string }, port: number | undefined): ServerRuntime | null {
    if (this.available() === 0) return null;
    const is =
      'address' in wanted
        ? (s: Server): boolean => s.address === wanted.address
        : (s: Server): boolean =>
            this.spec.lookup_server_by_name === true && s.hostname.toLowerCase() === wanted.name;
    // A name may have several addresses: one that is up is taken.
    const place = this.spec.servers.findIndex(
      (s, i) => this.isUp(i) && is(s) && (port === undefined || s.port === 0 || s.port === port),
    );
    return place >= 0 ? this.servers[place]! : null;
  }

  /** The server is up and enabled, full or not. */
  mayUse(server: ServerRuntime): boolean {
    return server.pool === this && this.available() > 0 && this.isUp(server.place);
  }

  /** Full or not. */
  private isUp(place: number): boolean {
    return this.room === null ? this.table.eligible[place] === 1 : this.room.free.mayBeUsed(place);
  }

  /** Why `pick` gave nothing, for the client. */
  whyNot(): string {
    const { spec } = this;
    const { problem } = this.clientTls;
    if (this.refusal === Refusal.Full)
      return `all servers of pool ${spec.name} have as many connections as they may have`;
    if (problem !== null) return `pool ${spec.name} has no TLS: ${problem.message}`;
    if (this.refusal === Refusal.PersistentServerDown)
      return `the server of pool ${spec.name} that the client belongs to is down`;
    if (!spec.enabled) return `pool ${spec.name} is disabled`;
    if (spec.servers.length === 0) return `pool ${spec.name} has no servers`;
    if (spec.servers.every((s) => s.state !== 'enabled'))
      return `all servers of pool ${spec.name} are disabled`;
    if (this.up === 0) return `no server of pool ${spec.name} is up`;
    return `pool ${spec.name} needs ${spec.min_servers_up} servers up and has ${this.up}`;
  }

  /** The pool has been replaced: requests that began under it must not be sent again to servers that are gone. */
  retire(next: Pool | null): void {
    this.shares.close();
    this.seen = -1;
    this.room?.retire(next);
  }

  private refresh(): void {
    this.seen = this.context.mapping.i32[HEADER.HEALTH_EPOCH]!;
    const { health } = this.context.mapping;
    const { eligible, count } = this.table;
    const { room } = this;
    if (room !== null) room.free.stale = false;
    let up = 0;
    // What monitors tell of tasks, and which workers serve, comes with the epoch too.
    let changed = this.spec.algorithm === 'fewest_tasks' || this.spec.algorithm === 'core_affinity';
    for (let i = 0; i < count; i++) {
      const may =
        this.spec.enabled &&
        this.spec.servers[i]!.state === 'enabled' &&
        this.servers[i]!.state === 'enabled' &&
        health[this.slots[i]!] === HEALTH.UP
          ? 1
          : 0;
      const is = room === null ? may : room.free.eligible(i, may);
      if (eligible[i] !== is) {
        eligible[i] = is;
        changed = true;
      }
      up += may;
    }
    this.up = up;
    changed = this.shares.fill(this.table) || changed;
    if (changed) this.algorithm.refresh();
  }
}
