import { Injectable } from '@nestjs/common';
import { kinds, type KindName } from '@spillway/model';
import { errors } from '../errors.js';
import type { RequestContext } from '../identity/principal.js';
import { HookRegistry, ObjectCache, type Spec, type StoredObject } from '../store/index.js';
import { selectObjects } from './list-filter.js';
import type { ListQuery, Representation } from './list-query.js';
import { show } from './representation.js';
import { visible } from './visibility.js';

export interface ListPage {
  readonly count: number;
  readonly results: readonly Spec[];
  /** Whether there is a page after this one. */
  readonly more: boolean;
}

/** Reads objects for the API, out of the cache. */
@Injectable()
export class ObjectReader {
  constructor(
    private readonly cache: ObjectCache,
    private readonly hooks: HookRegistry,
  ) {}

  async list(kind: KindName, query: ListQuery, context: RequestContext): Promise<ListPage> {
    if (kind !== 'tenant') context.require(kind, 'read');
    const all = selectObjects(this.seen(kind, context), query, this.cache);
    const limited = query.limit === undefined ? all : all.slice(0, query.limit);
    const start = (query.page - 1) * query.pageSize;
    const page = limited.slice(start, start + query.pageSize);
    return {
      count: limited.length,
      results: await this.show(kind, page, query.representation, context.base),
      more: start + page.length < limited.length,
    };
  }

  async one(kind: KindName, uuid: string, as: Representation, context: RequestContext): Promise<Spec> {
    return this.showOne(this.find(kind, uuid, context), as, context.base);
  }

  /** The object, if this request may see it; else a 404, or a 403 where the roles do not reach. */
  find(kind: KindName, uuid: string, context: RequestContext): StoredObject {
    const object = this.cache.get(uuid);
    if (!object || object.kind !== kind || !visible(context.scope, object))
      throw errors.notFound(kinds[kind].type);
    if (!context.reads(object)) context.require(kind, 'read');
    return object;
  }

  /** The one object of a kind that exists once. */
  singleton(kind: KindName): StoredObject {
    for (const object of this.cache.byKind(kind)) return object;
    throw errors.notFound(kinds[kind].type);
  }

  /** An object that was just written. */
  async shown(uuid: string, as: Representation, base: string): Promise<Spec> {
    const object = this.cache.get(uuid);
    return object ? this.showOne(object, as, base) : { uuid };
  }

  async showOne(object: StoredObject, as: Representation, base: string): Promise<Spec> {
    const [shown] = await this.show(object.kind as KindName, [object], as, base);
    return shown ?? {};
  }

  /** Objects of one kind as the API shows them, with what parts add. */
  async show(
    kind: KindName,
    objects: readonly StoredObject[],
    as: Representation,
    base: string,
  ): Promise<Spec[]> {
    const extras = new Map<string, Spec>();
    const runtime = new Map<string, Spec>();
    for (const hook of this.hooks.of(kind)) {
      if (hook.decorate) collect(extras, await hook.decorate(objects));
      if (as.joinRuntime && hook.runtime) collect(runtime, await hook.runtime(objects, base));
    }
    return objects.map((object) => {
      const extra = extras.get(object.uuid);
      const shown = show(object, this.cache, { ...as, base, ...(extra ? { extra } : {}) });
      return runtime.has(object.uuid) ? { ...shown, runtime: runtime.get(object.uuid) } : shown;
    });
  }

  private *seen(kind: KindName, context: RequestContext): Iterable<StoredObject> {
    for (const object of this.cache.byKind(kind))
      if (visible(context.scope, object) && context.reads(object)) yield object;
  }
}

function collect(into: Map<string, Spec>, found: ReadonlyMap<string, Spec>): void {
  for (const [uuid, fields] of found) into.set(uuid, { ...into.get(uuid), ...fields });
}
