import { rmSync } from 'node:fs';
import net from 'node:net';
import type { ConnectionFacts, PlacementStatus } from '@spillway/proxy';
import type { Fragment, FragmentId } from '@spillway/snapshot';
import { LineSocket } from '../ipc/line-socket.js';
import type { AgentMessage, SlotChange, WorkerMessage } from '../ipc/messages.js';
import { placementKeyOf } from './keys.js';
import { RuleHitBoard } from './rule-hits.js';

/** What every worker is to run. */
export interface Handover {
  sequence: number;
  epoch: number;
  generation: number;
  fragments: ReadonlyMap<FragmentId, Fragment>;
  slots: Record<'virtual_services' | 'servers' | 'pools', ReadonlyMap<string, number>>;
}

/** One connected worker. */
export interface WorkerLink {
  index: number;
  pid: number;
  /** The last configuration that is live there; 0 before the first. */
  applied: number;
  /** Its last configuration that it would not run, and why. */
  refused: { sequence: number; reason: string } | undefined;
  /** By placement key. */
  placements: Map<string, PlacementStatus>;
  /** It drains for good: it takes no configuration any more and counts as live no more. */
  leaving: boolean;
}

/** What the connections of an SE are doing. */
export interface Description {
  connections: (ConnectionFacts & { worker: number })[];
  /** There may be more than were asked for. */
  truncated: boolean;
  /** Workers that did not answer in time. */
  silent_workers: number[];
}

/** Milliseconds that a worker has for its answer. */
const DESCRIBE_TIMEOUT = 3_000;

interface Connection extends WorkerLink {
  line: LineSocket;
  sent: Handover | undefined;
}

/** The agent's ends of the connections to its workers. */
export class WorkerLinks {
  readonly #connections = new Map<number, Connection>();
  readonly ruleHits = new RuleHitBoard();
  readonly #server: net.Server;
  #handover: Handover | undefined;
  #asked = 0;
  readonly #answers = new Map<number, (rows: ConnectionFacts[], last: boolean) => void>();

  /** @param onChange a worker came, went, applied, refused, or told a new status */
  constructor(private readonly onChange: () => void) {
    this.#server = net.createServer((socket) => this.#accept(new LineSocket(socket)));
  }

  async listen(path: string): Promise<void> {
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path }, resolve);
    });
  }

  /** The workers that are connected: those that count as live. */
  get live(): readonly WorkerLink[] {
    return [...this.#connections.values()].filter((c) => !c.leaving);
  }

  /** Connections of a placement in workers that are leaving. */
  leavingConnections(placementKey: string): number {
    let n = 0;
    for (const c of this.#connections.values())
      if (c.leaving) n += c.placements.get(placementKey)?.connections ?? 0;
    return n;
  }

  /**
   * What the connections of all workers are doing, `limit` of them at most. A worker that does not answer in time is
   * left out, and named.
   */
  async describe(limit: number, virtualService?: string): Promise<Description> {
    const links = [...this.#connections.values()];
    const each = Math.max(1, Math.ceil(limit / Math.max(1, links.length)));
    const answers = await Promise.all(
      links.map(async (c) => ({ index: c.index, rows: await this.#ask(c, each, virtualService) })),
    );
    const rows = answers.flatMap(({ index, rows: found }) =>
      (found ?? []).map((row) => ({ worker: index, ...row })),
    );
    return {
      connections: rows.slice(0, limit),
      truncated: rows.length >= limit,
      silent_workers: answers.flatMap((a) => (a.rows === undefined ? [a.index] : [])),
    };
  }

  async #ask(
    connection: Connection,
    limit: number,
    virtualService: string | undefined,
  ): Promise<ConnectionFacts[] | undefined> {
    const id = ++this.#asked;
    const rows: ConnectionFacts[] = [];
    const { promise, resolve } = Promise.withResolvers<ConnectionFacts[] | undefined>();
    const timer = setTimeout(() => resolve(undefined), DESCRIBE_TIMEOUT);
    this.#answers.set(id, (part, last) => {
      rows.push(...part);
      if (last) resolve(rows);
    });
    const message: AgentMessage = {
      type: 'describe',
      id,
      limit,
      ...(virtualService === undefined ? {} : { virtual_service: virtualService }),
    };
    connection.line.send(message);
    const found = await promise;
    clearTimeout(timer);
    this.#answers.delete(id);
    return found;
  }

  /** One worker drains and ends; the others go on. */
  stopOne(index: number, drainTimeout: number): void {
    const connection = this.#connections.get(index);
    if (connection === undefined) return;
    connection.leaving = true;
    connection.line.send({ type: 'stop', drain_timeout: drainTimeout } satisfies AgentMessage);
    this.onChange();
  }

  /** Hands the configuration to every worker, and to those that come later. */
  hand(handover: Handover): void {
    this.#handover = handover;
    for (const c of this.#connections.values()) if (!c.leaving) this.#send(c, handover);
  }

  stop(drainTimeout: number): void {
    const message: AgentMessage = { type: 'stop', drain_timeout: drainTimeout };
    for (const c of this.#connections.values()) c.line.send(message);
  }

  close(): void {
    this.#server.close();
    for (const c of this.#connections.values()) c.line.close();
  }

  #accept(line: LineSocket): void {
    let connection: Connection | undefined;
    line.onMessage = (value) => {
      const message = value as WorkerMessage;
      if (message.type === 'hello') {
        connection = {
          index: message.index,
          pid: message.pid,
          applied: 0,
          refused: undefined,
          placements: new Map(),
          leaving: false,
          line,
          sent: undefined,
        };
        this.#connections.get(message.index)?.line.close();
        this.#connections.set(message.index, connection);
        if (this.#handover !== undefined) this.#send(connection, this.#handover);
      } else if (message.type === 'described') {
        this.#answers.get(message.id)?.(message.rows, message.last);
        return;
      } else if (message.type === 'hits') {
        this.ruleHits.add(message.rows);
        return;
      } else if (connection !== undefined) hear(connection, message);
      this.onChange();
    };
    line.onClose = () => {
      if (connection === undefined || this.#connections.get(connection.index) !== connection) return;
      this.#connections.delete(connection.index);
      this.onChange();
    };
  }

  #send(connection: Connection, next: Handover): void {
    // After a refusal the worker holds what it would not run: it is told everything anew.
    const before = connection.refused === undefined ? connection.sent : undefined;
    connection.refused = undefined;
    connection.sent = next;
    const message: AgentMessage = {
      type: 'config',
      sequence: next.sequence,
      epoch: next.epoch,
      generation: next.generation,
      full: before === undefined,
      ...fragmentChange(before?.fragments ?? new Map(), next.fragments),
      slots: slotChange(before?.slots, next.slots),
    };
    connection.line.send(message);
  }
}

function hear(
  link: Connection,
  message: Exclude<WorkerMessage, { type: 'hello' | 'described' | 'hits' }>,
): void {
  switch (message.type) {
    case 'applied':
      link.applied = Math.max(link.applied, message.sequence);
      break;
    case 'refused':
      link.refused = { sequence: message.sequence, reason: message.reason };
      return;
    case 'status':
      break;
  }
  link.placements = new Map(message.placements.map((p) => [placementKeyOf(p), p]));
}

/** Unchanged fragments are the same objects from one configuration to the next. */
function fragmentChange(
  before: ReadonlyMap<FragmentId, Fragment>,
  next: ReadonlyMap<FragmentId, Fragment>,
): { put: Fragment[]; remove: FragmentId[] } {
  const put: Fragment[] = [];
  for (const [id, fragment] of next) if (before.get(id) !== fragment) put.push(fragment);
  return { put, remove: [...before.keys()].filter((id) => !next.has(id)) };
}

function slotChange(before: Handover['slots'] | undefined, next: Handover['slots']): SlotChange {
  const [services, noServices] = mapChange(before?.virtual_services, next.virtual_services);
  const [servers, noServers] = mapChange(before?.servers, next.servers);
  const [pools, noPools] = mapChange(before?.pools, next.pools);
  return {
    virtual_services: services,
    servers,
    pools,
    removed_virtual_services: noServices,
    removed_servers: noServers,
    removed_pools: noPools,
  };
}

function mapChange(
  before: ReadonlyMap<string, number> = new Map(),
  next: ReadonlyMap<string, number>,
): [Record<string, number>, string[]] {
  const put: [string, number][] = [];
  for (const [key, slot] of next) if (before.get(key) !== slot) put.push([key, slot]);
  return [Object.fromEntries(put), [...before.keys()].filter((key) => !next.has(key))];
}
