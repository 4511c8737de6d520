import { PassiveMonitor, type PassiveTable } from '@spillway/balancing';
import { hostPort, memberKey } from '@spillway/health';
import type { Pool } from '@spillway/snapshot';
import {
  HEALTH,
  SERVER_STATE_F64,
  SERVER_STATE_I32,
  throttleShare,
  throttleWord,
  type Mapping,
} from '@spillway/telemetry';
import type { SlotTable } from './slot-table.js';

/** A server that the passive monitor holds back. */
export interface Throttle {
  poolUuid: string;
  /** `address:port`. */
  server: string;
  /** Of its full share, above 0; 1 when it is held back no more. */
  share: number;
  /** Milliseconds since the epoch of Unix time; 0 when it is held back no more. */
  since: number;
  /** Of its recent answers, 0 to 1. */
  errorRatio: number;
}

/** A share that differs by less, in parts of itself, is not told to the workers. */
const NEARLY = 0.03;

/** OUTCOMES, ERRORS and ERRORS_4XX of one server. */
const read = new Float64Array(3);

/** The passive monitor of one pool, over the shared mapping: it reads what the workers count and writes THROTTLE. */
export class PassivePool {
  readonly #monitor: PassiveMonitor;
  readonly #table: PassiveTable;
  readonly #slots: Int32Array;
  /** What had been counted at the last round: outcomes, then errors of each. */
  readonly #outcomes: Float64Array;
  readonly #errors: Float64Array;
  readonly #marks: Float64Array;
  /** 1 where less was counted than before, at the last round. */
  readonly #behind: Uint8Array;
  readonly #keys: readonly string[];
  /** What was told last of each share. */
  readonly #told: Float64Array;
  #toldAt = 0;

  /**
   * @param before the same pool under the last configuration: what it knows of servers is taken over
   * @throws RangeError when a server has no slot
   */
  constructor(
    private readonly mapping: Mapping,
    readonly spec: Pool,
    slots: SlotTable,
    before: PassivePool | undefined,
  ) {
    const count = spec.servers.length;
    this.#keys = spec.servers.map((s) => memberKey(spec.uuid, s));
    this.#slots = Int32Array.from(this.#keys, (key) => slotOf(slots, key));
    this.#table = {
      count,
      available: new Uint8Array(count),
      ratios: Uint8Array.from(spec.servers, (s) => s.ratio),
    };
    this.#monitor = new PassiveMonitor(this.#table);
    this.#outcomes = new Float64Array(count);
    this.#errors = new Float64Array(count);
    this.#marks = new Float64Array(count).fill(-1);
    this.#told = new Float64Array(count).fill(1);
    this.#behind = new Uint8Array(count);
    const places = new Map(before === undefined ? [] : before.#keys.map((key, i) => [key, i]));
    this.#look();
    for (let i = 0; i < count; i++) {
      const place = places.get(this.#keys[i]!);
      if (before === undefined || place === undefined || before.#slots[place] !== this.#slots[i])
        this.#begin(i);
      else this.#goOn(i, before, place);
    }
  }

  /** Some server is held back. */
  get reduced(): boolean {
    return this.#monitor.reduced;
  }

  /**
   * Reads what was counted and works the shares out anew.
   * @param elapsed milliseconds since the last round
   * @param epoch now, milliseconds since the epoch of Unix time
   * @returns whether the workers have to look: some share has changed
   */
  round(elapsed: number, epoch: number): boolean {
    this.#look();
    for (let i = 0; i < this.#table.count; i++) this.#read(i);
    if (this.#monitor.idle || !this.#monitor.judge(elapsed)) return false;
    let written = false;
    for (let i = 0; i < this.#table.count; i++) if (this.#write(i, epoch)) written = true;
    return written;
  }

  /** What has changed since it was told last, at most once per `pause` milliseconds for what goes on. */
  news(now: number, pause: number): Throttle[] {
    const { shares } = this.#monitor;
    const due = now - this.#toldAt >= pause;
    const news: Throttle[] = [];
    for (let i = 0; i < this.#table.count; i++) {
      const [share, told] = [shares[i]!, this.#told[i]!];
      const turned = share < 1 !== told < 1;
      if (share === told || !(turned || (due && Math.abs(share - told) > told / 10))) continue;
      this.#told[i] = share;
      news.push(this.#describe(i));
    }
    if (news.length > 0 && due) this.#toldAt = now;
    return news;
  }

  /** Every server that is held back. */
  throttles(): Throttle[] {
    if (!this.reduced) return [];
    const { shares } = this.#monitor;
    return [...shares.keys()].filter((i) => shares[i]! < 1).map((i) => this.#describe(i));
  }

  #describe(i: number): Throttle {
    const server = this.spec.servers[i]!;
    return {
      poolUuid: this.spec.uuid,
      server: hostPort(server.address, server.port),
      share: this.#monitor.shares[i]!,
      since: this.mapping.f64[this.mapping.stateF64(this.#slots[i]!) + SERVER_STATE_F64.THROTTLED_AT]!,
      errorRatio: this.#monitor.errorRatio(i),
    };
  }

  /** A server that is new here; an agent that begins goes on from what the last one had written. */
  #begin(i: number): void {
    const { mapping } = this;
    const slot = this.#slots[i]!;
    mapping.serverOutcomes(slot, read);
    this.#outcomes[i] = read[0]!;
    this.#errors[i] = this.#errorsRead();
    const word = mapping.i32[mapping.stateI32(slot) + SERVER_STATE_I32.THROTTLE]!;
    this.#monitor.inherit(i, throttleShare(word));
  }

  #goOn(i: number, before: PassivePool, place: number): void {
    this.#monitor.adopt(i, before.#monitor, place);
    this.#outcomes[i] = before.#outcomes[place]!;
    this.#errors[i] = before.#errors[place]!;
    this.#told[i] = before.#told[place]!;
  }

  #look(): void {
    const { spec, mapping } = this;
    for (let i = 0; i < this.#table.count; i++)
      this.#table.available[i] =
        spec.enabled && spec.servers[i]!.state === 'enabled' && mapping.health[this.#slots[i]!] === HEALTH.UP
          ? 1
          : 0;
  }

  #read(i: number): void {
    const slot = this.#slots[i]!;
    const mark = this.mapping.serverMark(slot);
    if (mark === this.#marks[i]) return;
    this.#marks[i] = mark;
    this.mapping.serverOutcomes(slot, read);
    const [outcomes, errors] = [read[0]!, this.#errorsRead()];
    const grown = outcomes - this.#outcomes[i]!;
    if (grown < 0 && this.#behind[i] === 0) {
      // A dead worker's counts are being moved: they are back at the next round.
      this.#behind[i] = 1;
      this.#marks[i] = -1;
      return;
    }
    this.#behind[i] = 0;
    if (grown > 0) this.#monitor.observe(i, grown, errors - this.#errors[i]!);
    this.#outcomes[i] = outcomes;
    this.#errors[i] = errors;
  }

  /**
   * Where servers are chosen by who asks, or for what, responses 4xx follow the question: a page that is not there is
   * asked of one server alone, which is none the worse for it.
   */
  #errorsRead(): number {
    const keyed =
      this.spec.algorithm === 'consistent_hash' || this.spec.persistence_profile_uuid !== undefined;
    return keyed ? read[1]! - read[2]! : read[1]!;
  }

  /** False where the workers know it already, or nearly: each change makes all of them look at their servers. */
  #write(i: number, epoch: number): boolean {
    const { mapping } = this;
    const slot = this.#slots[i]!;
    const word = throttleWord(this.#monitor.shares[i]!);
    const at = mapping.stateI32(slot) + SERVER_STATE_I32.THROTTLE;
    const before = mapping.i32[at]!;
    if (word === before || (word !== 0 && Math.abs(word - before) < before * NEARLY)) return false;
    const since = mapping.stateF64(slot) + SERVER_STATE_F64.THROTTLED_AT;
    if (word === 0) mapping.f64[since] = 0;
    else if (before === 0) mapping.f64[since] = epoch;
    Atomics.store(mapping.i32, at, word);
    return true;
  }
}

function slotOf(slots: SlotTable, key: string): number {
  const slot = slots.get(key);
  if (slot === undefined) throw new RangeError(`server ${key} has no slot`);
  return slot;
}

/** Gives the servers of a pool that is not watched back what may have been taken. Says whether it had been. */
export function release(mapping: Mapping, pool: Pool, slots: SlotTable): boolean {
  let released = false;
  for (const server of pool.servers) {
    const slot = slots.get(memberKey(pool.uuid, server));
    if (slot === undefined) continue;
    const at = mapping.stateI32(slot) + SERVER_STATE_I32.THROTTLE;
    if (mapping.i32[at] === 0) continue;
    Atomics.store(mapping.i32, at, 0);
    mapping.f64[mapping.stateF64(slot) + SERVER_STATE_F64.THROTTLED_AT] = 0;
    released = true;
  }
  return released;
}
