import { ABORT, chooseKnown, type Choosing } from '../persistence/choose.js';
import type { Persistence } from '../persistence/persistence.js';
import type { Asker } from './asker.js';
import type { Pool } from './pool.js';
import { Refusal } from './refusal.js';
import type { Room } from './room.js';
import type { ServerRuntime } from './server.js';

/** How a pool that limits connections chooses: a server that it gives has a place for the client. */
export class FreeChoice implements Choosing {
  private client: Asker | null = null;
  private picked: ServerRuntime | null = null;
  private picks = 0;

  constructor(
    private readonly pool: Pool,
    private readonly room: Room,
  ) {}

  /** As `Pool.choose`; `pool.refusal` is set when it gives null. */
  choose(client: Asker, avoid: ServerRuntime | null): ServerRuntime | typeof ABORT | null {
    const { pool } = this;
    this.client = client;
    this.picked = null;
    pool.refusal = Refusal.Down;
    const { persistence } = pool;
    return persistence === null ? this.pick(avoid, client.key) : this.chooseKnown(persistence, client, avoid);
  }

  private chooseKnown(
    persistence: Persistence,
    client: Asker,
    avoid: ServerRuntime | null,
  ): ServerRuntime | typeof ABORT | null {
    const { pool, room } = this;
    if (client.known?.by !== persistence) client.known = persistence.recognise(client);
    const own = client.known.server;
    if (own !== null && own !== avoid && pool.mayServe(own)) {
      if (room.admits(own, client)) return own;
      pool.refusal = Refusal.Full;
      // Its server has too much to do just now: the client still belongs there.
      return client.patient && room.queues ? null : this.pick(own, client.key);
    }
    const server = chooseKnown(this, persistence, client, avoid);
    if (server === null || server === ABORT || server === this.picked) return server;
    this.picked?.unreserve();
    if (room.admits(server, client)) return server;
    pool.refusal = Refusal.Full;
    return null;
  }

  /** What the algorithm would choose were the full servers not there. */
  pick(avoid: ServerRuntime | null, key: number): ServerRuntime | null {
    const { pool, room } = this;
    const { free } = room;
    const client = this.client!;
    room.catchUp();
    let server: ServerRuntime | null = null;
    for (let tries = free.tries; tries > 0; tries--) {
      if (free.stale) pool.renew();
      server = pool.pick(server ?? avoid, key);
      if (server === null) break;
      if (!free.isFull(server.place) && room.admits(server, client)) return (this.picked = server);
    }
    if (!pool.isServing) return null;
    for (let place = free.any(this.picks); place >= 0; place = free.any(this.picks)) {
      this.picks = (this.picks + 1) & 0x3fff_ffff;
      server = pool.servers[place]!;
      if (room.admits(server, client)) return (this.picked = server);
    }
    pool.refusal = Refusal.Full;
    return null;
  }

  mayServe(server: ServerRuntime): boolean {
    return this.pool.mayServe(server);
  }

  inService(server: ServerRuntime): boolean {
    return this.pool.inService(server);
  }
}
