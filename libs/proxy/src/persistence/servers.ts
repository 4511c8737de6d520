import { serverName, serverTag } from '@spillway/persistence';
import type { ServerRuntime } from '../core/server.js';

/** Servers of a pool by what cookies and tables call them. */
export class ServerNames {
  private readonly byTag = new Map<number, ServerRuntime>();
  private readonly byName = new Map<string, ServerRuntime>();

  constructor(servers: readonly ServerRuntime[]) {
    for (const server of servers) {
      const name = serverName(server);
      const [lo, hi] = serverTag(name);
      this.byName.set(name, server);
      this.byTag.set(keyOf(lo, hi), server);
    }
  }

  named(name: string): ServerRuntime | null {
    return this.byName.get(name) ?? null;
  }

  tagged(lo: number, hi: number): ServerRuntime | null {
    return this.byTag.get(keyOf(lo, hi)) ?? null;
  }
}

/** 52 of the 64 bits: as many as a number holds exactly, and no two servers of a pool share them. */
const keyOf = (lo: number, hi: number): number => (lo >>> 0) * 0x10_0000 + (hi & 0xf_ffff);
