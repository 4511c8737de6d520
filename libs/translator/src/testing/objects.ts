import { applyDefaults, type KindName, type KindTypes } from '@spillway/model';
import type { StoredObject } from '../types.js';

/** An object as somebody writes it, references as uuids. */
export interface WrittenObject {
  kind: KindName;
  uuid: string;
  generation?: number;
  spec: { name: string } & Record<string, unknown>;
}

/** As the store keeps it: with defaults. */
export function stored(object: WrittenObject): StoredObject {
  return {
    kind: object.kind,
    uuid: object.uuid,
    name: object.spec.name,
    generation: object.generation ?? 1,
    spec: applyDefaults(object.kind, object.spec as unknown as KindTypes[KindName]) as object,
  };
}

export const objectsOf = (list: readonly WrittenObject[]): Map<string, StoredObject> =>
  new Map(list.map((o) => [o.uuid, stored(o)]));
