import { applyDefaults, isKind, type KindName, type KindTypes } from '@spillway/model';
import type { StoredObject } from '../types.js';

/** An object as somebody writes it, references as uuids. */
export interface WrittenObject {
  /** A published kind, or one of our own (session tickets, names). */
  kind: KindName | 'ticketsecrets' | 'resolvedname';
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
    spec: isKind(object.kind)
      ? (applyDefaults(object.kind, object.spec as unknown as KindTypes[KindName]) as object)
      : object.spec,
  };
}

export const objectsOf = (list: readonly WrittenObject[]): Map<string, StoredObject> =>
  new Map(list.map((o) => [o.uuid, stored(o)]));
