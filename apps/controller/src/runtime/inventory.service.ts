import { Injectable } from '@nestjs/common';
import type { KindName } from '@spillway/model';
import type { RequestContext } from '../identity/principal.js';
import { selectObjects } from '../rest/list-filter.js';
import type { ListQuery } from '../rest/list-query.js';
import { referenceUrl, show } from '../rest/representation.js';
import { visible } from '../rest/visibility.js';
import { ObjectCache, type StoredObject } from '../store/index.js';
import { ITEMS, poolsBehind, type InventoryContext } from './inventory-items.js';
import { RuntimeReader, type RuntimeState } from './runtime-reader.js';

type Json = Record<string, unknown>;

/** Objects with what runs of them. References always carry names: scripts cut them at `#`. */
@Injectable()
export class InventoryService {
  constructor(
    private readonly cache: ObjectCache,
    private readonly reader: RuntimeReader,
  ) {}

  async list(
    kind: KindName,
    query: ListQuery,
    context: RequestContext,
  ): Promise<{ count: number; results: Json[]; more: boolean }> {
    context.require(kind, 'read');
    const byHealth = query.sort.find((s) => s.path[0] === 'health_score');
    const plain = { ...query, sort: query.sort.filter((s) => s !== byHealth) };
    const seen = [...this.cache.byKind(kind)].filter((o) => visible(context.scope, o) && context.reads(o));
    const all = selectObjects(seen, plain, this.cache);
    const limited = query.limit === undefined ? all : all.slice(0, query.limit);
    const start = (query.page - 1) * query.pageSize;
    const page = byHealth === undefined ? limited.slice(start, start + query.pageSize) : limited;
    let results = await this.items(page, context);
    if (byHealth !== undefined) {
      const sign = byHealth.descending ? -1 : 1;
      results.sort((a, b) => sign * (scoreOf(a) - scoreOf(b)));
      results = results.slice(start, start + query.pageSize);
    }
    return { count: limited.length, results, more: start + results.length < limited.length };
  }

  async one(object: StoredObject, context: RequestContext): Promise<Json> {
    const [item] = await this.items([object], context);
    return item ?? {};
  }

  /** Reads what runs, and says how references are written. */
  async context(objects: readonly StoredObject[], request: RequestContext): Promise<InventoryContext> {
    const state = await this.reader.read(objects.flatMap((o) => poolsBehind(this.cache, o)));
    return this.contextOf(state, request);
  }

  contextOf(state: RuntimeState, { base }: Pick<RequestContext, 'base'>): InventoryContext {
    const as = { includeName: true, skipDefault: false, fields: undefined, joinRuntime: false, base };
    return {
      cache: this.cache,
      state,
      link: (kind, uuid) => referenceUrl(base, uuid, kind, this.cache, true),
      shown: (object) => show(object, this.cache, as),
    };
  }

  private async items(objects: readonly StoredObject[], request: RequestContext): Promise<Json[]> {
    const ctx = await this.context(objects, request);
    return objects.map((object) => ({
      uuid: object.uuid,
      url: `${request.base}/api/${object.kind}-inventory/${object.uuid}#${object.name}`,
      ...ITEMS[object.kind]?.(object, ctx),
    }));
  }
}

const scoreOf = (item: Json): number => {
  const score = (item['health_score'] as { health_score?: number } | undefined)?.health_score;
  return score ?? 0;
};
