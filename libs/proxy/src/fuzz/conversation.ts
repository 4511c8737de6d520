import { readings } from '@spillway/testing/conformance';
import { HEALTH, layoutOf, Mapping, VS } from '@spillway/telemetry';
import { Rig } from '../suite/rig.js';
import { REQUESTS, RESPONSES } from './corpus.js';
import { faultOfFrames, frames, PREFACE } from './frames.js';
import { MemoryTransport, type Peer } from './memory.js';
import { mutate } from './mutate.js';
import type { Random } from '@spillway/testing/conformance';
import { faultOf } from './responses.js';

const MOST_STEPS = 5000;

/** The engine on a network in memory, with clients and origins that a seed makes hostile. */
export class Arena {
  /** The next stream of each client of HTTP/2. */
  private readonly streams = new Map<Peer, number>();

  private constructor(
    private readonly transport: MemoryTransport,
    private readonly rig: Rig,
  ) {}

  static async make(): Promise<Arena> {
    const size = { workers: 2, virtualServices: 16, servers: 256 };
    const mapping = Mapping.format(new Uint8Array(layoutOf(size).totalBytes), size);
    const transport = new MemoryTransport();
    const rig = new Rig(transport, mapping);
    const http = { max_header_size: 4096, max_header_count: 40, max_body_size: 50_000 };
    await rig.apply(
      [
        {
          ports: [],
          services: [
            { port: 80, port_range_end: 80 },
            { port: 81, port_range_end: 81, enable_http2: true },
          ],
          http,
        },
      ],
      { pool: { servers: [{ port: 8000 }, { port: 8001 }] } },
    );
    rig.health('pool', 8000, HEALTH.UP);
    return new Arena(transport, rig);
  }

  close(): void {
    this.rig.plane.close();
  }

  /**
   * One conversation: some clients, some connections to origins, everything in pieces and in any order.
   * @throws when the engine does what it must not
   */
  converse(random: Random): void {
    const { transport } = this;
    const clients: Peer[] = [];
    const origins: Peer[] = [];
    const honest = random.chance(2);
    transport.origin = (peer) => {
      if (!honest && random.chance(12)) return false;
      origins.push(peer);
      if (random.chance(4)) peer.window = random.below(2000);
      if (!honest && random.chance(30)) peer.send(response(random, honest));
      return true;
    };
    for (let k = 1 + random.below(3); k > 0; k--) {
      const http2 = random.chance(3);
      const client = transport.client(http2 ? 81 : 80);
      if (client === null) continue;
      clients.push(client);
      if (random.chance(4)) client.window = random.below(500);
      if (http2) this.streams.set(client, 1);
      client.send(http2 ? bytesOf(PREFACE + this.next(client, random)) : request(random));
    }
    const answered = new Map<Peer, number>();
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const event = random.below(40);
      if (event === 0 && clients.length > 0) this.clientActs(random.pick(clients), random);
      else if (event <= 3 && origins.length > 0) originActs(random.pick(origins), answered, random, honest);
      else if (event === 4 && random.chance(20)) transport.advance(random.below(3000));
      else if (!transport.step(random) && !origins.some((o) => unanswered(o, answered))) {
        if (random.chance(4)) break;
      }
    }
    this.wrapUp(clients, origins, random);
  }

  private clientActs(client: Peer, random: Random): void {
    const what = random.below(12);
    if (what === 0) client.resetNow();
    else if (what === 1) client.end();
    else if (what < 5) client.takes(random.below(10_000));
    else if (this.streams.has(client)) client.send(bytesOf(this.next(client, random)));
    else client.send(request(random));
  }

  /** More of a client of HTTP/2. */
  private next(client: Peer, random: Random): string {
    const { text, next } = frames(this.streams.get(client)!, random);
    this.streams.set(client, next);
    return text;
  }

  /** Everybody takes what is there and ends; time passes; then nothing may be left. */
  private wrapUp(clients: readonly Peer[], origins: readonly Peer[], random: Random): void {
    for (const peer of [...clients, ...origins]) {
      peer.window = Infinity;
      peer.takes(0);
    }
    this.settle(random);
    for (const client of clients) if (!client.socket.done) client.end();
    this.settle(random);
    this.pass(random);
    // What is left waits for the rest of a response: that has no time-out, since a stream may be silent for long.
    for (const origin of origins) if (!origin.socket.done) origin.end();
    this.pass(random);
    this.check(clients, origins);
  }

  /** A client may have sent ahead many requests, each of which may wait for an origin as long as it may. */
  private pass(random: Random): void {
    for (let k = 0; k < 100 && this.transport.sockets.size > 0; k++) {
      this.transport.advance(65_000);
      this.settle(random);
    }
  }

  private settle(random: Random): void {
    for (let steps = 0; this.transport.step(random); steps++)
      if (steps > 100_000) throw new Error('the engine does not come to rest');
  }

  private check(clients: readonly Peer[], origins: readonly Peer[]): void {
    const counters = this.rig.mapping.serviceTotals(0).counters;
    if (counters[VS.CONNECTIONS_ACTIVE] !== 0)
      throw new Error(`${counters[VS.CONNECTIONS_ACTIVE]} client connections are left`);
    if (counters[VS.REQUESTS_ACTIVE] !== 0)
      throw new Error(`${counters[VS.REQUESTS_ACTIVE]} requests are left`);
    for (const port of [8000, 8001]) {
      const busy = this.rig.mapping.activeOf(this.rig.slot('pool', port));
      if (busy !== 0) throw new Error(`${busy} busy connections of ${port} are left`);
    }
    if (this.transport.sockets.size !== 0) throw new Error(`${this.transport.sockets.size} sockets are left`);
    for (const client of clients) {
      const http2 = this.streams.delete(client);
      const told = (http2 ? faultOfFrames : faultOf)(client.text(), client.reset, client.ended);
      if (told !== null) throw new Error(`to a client: ${told}`);
    }
    for (const origin of origins) {
      const text = origin.text();
      if (/^upgrade:/im.test(text)) continue; // behind it may be anything
      const found = readings(text, true);
      if (typeof found === 'string')
        throw new Error(`to an origin: ${found}: ${JSON.stringify(text.slice(0, 2000))}`);
    }
  }
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const request = (random: Random): Buffer =>
  bytesOf(mutate(random.pick(REQUESTS), random.pick(REQUESTS), random));

function response(random: Random, honest: boolean): Buffer {
  const text = random.pick(RESPONSES);
  return bytesOf(honest ? text : mutate(text, random.pick(RESPONSES), random));
}

/** Heads that this origin has received. */
const heads = (origin: Peer): number => origin.text().split('\r\n\r\n').length - 1;

const unanswered = (origin: Peer, answered: ReadonlyMap<Peer, number>): boolean =>
  !origin.socket.done && heads(origin) > (answered.get(origin) ?? 0);

function originActs(origin: Peer, answered: Map<Peer, number>, random: Random, honest: boolean): void {
  if (origin.socket.done) return;
  origin.takes(random.below(5000));
  if (unanswered(origin, answered)) {
    answered.set(origin, (answered.get(origin) ?? 0) + 1);
    origin.send(response(random, honest));
  }
  if (honest && !random.chance(20)) return;
  const what = random.below(40);
  if (what === 0) origin.resetNow();
  else if (what === 1) origin.end();
  else if (what === 2) origin.send(response(random, honest));
}
