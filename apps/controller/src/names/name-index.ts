import type { FilledPool } from '@spillway/model';
import { gracefulTimeout, namesOf } from '@spillway/translator';
import type { NameUse } from './resolved-name.js';

/** Which pools use which names. */
export class NameIndex {
  private readonly byPool = new Map<string, { names: readonly string[]; use: NameUse }>();
  private readonly byName = new Map<string, Set<string>>();

  /** @param pool its spec; undefined when it is deleted */
  set(uuid: string, pool: FilledPool | undefined): void {
    for (const name of this.byPool.get(uuid)?.names ?? []) {
      const pools = this.byName.get(name);
      pools?.delete(uuid);
      if (pools?.size === 0) this.byName.delete(name);
    }
    this.byPool.delete(uuid);
    const names = pool === undefined ? [] : namesOf(pool);
    if (pool === undefined || names.length === 0) return;
    this.byPool.set(uuid, { names, use: useOf(pool) });
    for (const name of names) this.byName.set(name, (this.byName.get(name) ?? new Set<string>()).add(uuid));
  }

  names(): IterableIterator<string> {
    return this.byName.keys();
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** The pools that use a name. */
  poolsOf(name: string): string[] {
    return [...(this.byName.get(name) ?? [])];
  }

  /** What all pools that use the name ask for together. */
  useOf(name: string): NameUse {
    const uses = [...(this.byName.get(name) ?? [])].flatMap((uuid) => this.byPool.get(uuid)?.use ?? []);
    return { leave: Math.max(0, ...uses.map((u) => u.leave)), keep: uses.some((u) => u.keep) };
  }
}

function useOf(pool: FilledPool): NameUse {
  const timeout = gracefulTimeout(pool);
  return { leave: timeout < 0 ? Infinity : timeout, keep: !pool.delete_server_on_dns_refresh };
}
