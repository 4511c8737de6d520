import type { ServerVerdict } from '@spillway/health';
import type { se } from '@spillway/protocol';
import type { Advice } from '@spillway/vip';
import type { ObservedPlacement } from '../agent/placement-state.js';
import { hasTimes, heartbeat, statusParts, type Load } from './encode.js';

/** Everything that may be told. */
export interface Report {
  placements: readonly ObservedPlacement[];
  servers: readonly ServerVerdict[];
  advice: readonly Advice[];
}

type Body = Extract<NonNullable<se.SeMessage['body']>, { $case: 'status' | 'heartbeat' }>;

/** What changes together is told together, after so many milliseconds. */
const STATUS_PAUSE = 5;
const LEAST_HEARTBEAT = 50;

/** Tells the controller what changed, everything once on each stream, and that the SE is alive. */
export class Reporter {
  readonly #placements = new Map<string, ObservedPlacement>();
  readonly #servers = new Map<string, ServerVerdict>();
  #full = true;
  #open = false;
  #sequence = 0;
  #statusTimer: ReturnType<typeof setTimeout> | undefined;
  #heartbeatTimer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param send false when it could not be sent
   * @param everything undefined while nothing is live yet
   */
  constructor(
    private readonly send: (body: Body) => boolean,
    private readonly everything: () => Report | undefined,
    private readonly load: (withTimes: boolean) => Load,
  ) {}

  /** A stream is open: everything is told on it, then what changes. */
  opened(heartbeatInterval: number): void {
    this.#open = true;
    this.#full = true;
    clearInterval(this.#heartbeatTimer);
    this.#heartbeatTimer = setInterval(() => this.#beat(), Math.max(LEAST_HEARTBEAT, heartbeatInterval));
    this.#beat();
    this.soon();
  }

  closed(): void {
    this.#open = false;
    clearInterval(this.#heartbeatTimer);
  }

  placements(changed: readonly ObservedPlacement[]): void {
    for (const p of changed) this.#placements.set(`${p.virtualServiceUuid}#${p.vipId}`, p);
    this.soon();
  }

  servers(changed: readonly ServerVerdict[]): void {
    for (const v of changed) this.#servers.set(v.key, v);
    this.soon();
  }

  soon(): void {
    if (this.#statusTimer === undefined && this.#open)
      this.#statusTimer = setTimeout(() => this.now(), STATUS_PAUSE);
  }

  /** Tells what has not been told yet. */
  now(): void {
    clearTimeout(this.#statusTimer);
    this.#statusTimer = undefined;
    const all = this.everything();
    if (all === undefined) return;
    const { placements, servers, advice } = this.#full ? all : this.#changed(all);
    if (!this.#full && placements.length === 0 && servers.length === 0) return;
    let sent = true;
    for (const value of statusParts(this.#full, placements, servers, advice))
      sent = this.send({ $case: 'status', value }) && sent;
    if (!sent) return;
    this.#full = false;
    this.#placements.clear();
    this.#servers.clear();
  }

  /** What is not in the snapshot any more is not told any more. */
  #changed(all: Report): Report {
    const placements = new Set(all.placements.map((p) => `${p.virtualServiceUuid}#${p.vipId}`));
    const servers = new Set(all.servers.map((v) => v.key));
    return {
      placements: [...this.#placements].filter(([key]) => placements.has(key)).map(([, p]) => p),
      servers: [...this.#servers].filter(([key]) => servers.has(key)).map(([, v]) => v),
      advice: [],
    };
  }

  #beat(): void {
    const sequence = ++this.#sequence;
    this.send({ $case: 'heartbeat', value: heartbeat(sequence, this.load(hasTimes(sequence))) });
  }
}
