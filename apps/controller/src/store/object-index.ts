import { heldReferences, type HeldReference } from './references.js';
import type { ObjectView, Referrer, StoredObject } from './types.js';

const nameKey = (kind: string, name: string): string => `${kind}\n${name}`;

/** Objects in memory, indexed by uuid, kind, name and by who refers to whom. */
export class ObjectIndex implements ObjectView {
  private readonly objects = new Map<string, StoredObject>();
  private readonly kinds = new Map<string, Map<string, StoredObject>>();
  private readonly names = new Map<string, Map<string, StoredObject>>();
  private readonly held = new Map<string, readonly HeldReference[]>();
  /** Target -> the uuids that refer to it. Targets need not exist. */
  private readonly users = new Map<string, Set<string>>();

  get size(): number {
    return this.objects.size;
  }

  get(uuid: string): StoredObject | undefined {
    return this.objects.get(uuid);
  }

  byKind(kind: string): Iterable<StoredObject> {
    return this.kinds.get(kind)?.values() ?? [];
  }

  byName(kind: string, name: string): readonly StoredObject[] {
    return [...(this.names.get(nameKey(kind, name))?.values() ?? [])];
  }

  referrers(uuid: string): readonly Referrer[] {
    const found: Referrer[] = [];
    for (const user of this.users.get(uuid) ?? []) {
      const object = this.objects.get(user);
      if (!object) continue;
      for (const reference of this.held.get(user) ?? [])
        if (reference.uuid === uuid) found.push({ object, path: reference.path });
    }
    return found;
  }

  uuids(): Iterable<string> {
    return this.objects.keys();
  }

  put(object: StoredObject): void {
    this.drop(object.uuid);
    this.objects.set(object.uuid, object);
    within(this.kinds, object.kind).set(object.uuid, object);
    within(this.names, nameKey(object.kind, object.name)).set(object.uuid, object);
    const references = heldReferences(object.spec);
    this.held.set(object.uuid, references);
    for (const { uuid } of references) {
      const users = this.users.get(uuid);
      if (users) users.add(object.uuid);
      else this.users.set(uuid, new Set([object.uuid]));
    }
  }

  drop(uuid: string): void {
    const object = this.objects.get(uuid);
    if (!object) return;
    this.objects.delete(uuid);
    this.kinds.get(object.kind)?.delete(uuid);
    const key = nameKey(object.kind, object.name);
    const named = this.names.get(key);
    named?.delete(uuid);
    if (named?.size === 0) this.names.delete(key);
    for (const reference of this.held.get(uuid) ?? []) {
      const users = this.users.get(reference.uuid);
      users?.delete(uuid);
      if (users?.size === 0) this.users.delete(reference.uuid);
    }
    this.held.delete(uuid);
  }
}

function within<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let map = maps.get(key);
  if (!map) maps.set(key, (map = new Map()));
  return map;
}
