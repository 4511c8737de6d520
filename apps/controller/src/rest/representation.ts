import { isKind, kinds, mapReferences, redact, stripDefaults, type KindName } from '@spillway/model';
import type { ObjectView, Spec, StoredObject } from '../store/index.js';
import type { Representation } from './list-query.js';

/** Fields that a projection never takes away. */
const ALWAYS = ['uuid', 'url', 'name'] as const;

/** `https://host/api/pool/<uuid>`, with `#name` where names are asked for. */
export function urlOf(
  base: string,
  object: Pick<StoredObject, 'kind' | 'uuid' | 'name'>,
  includeName: boolean,
): string {
  const path =
    isKind(object.kind) && kinds[object.kind].singleton ? object.kind : `${object.kind}/${object.uuid}`;
  return `${base}/api/${path}${includeName ? `#${object.name}` : ''}`;
}

/** A reference as the API shows it. What is gone by now is shown without a name. */
export function referenceUrl(
  base: string,
  uuid: string,
  targetKind: string,
  view: Pick<ObjectView, 'get'>,
  includeName: boolean,
): string {
  const target = view.get(uuid);
  return urlOf(base, target ?? { kind: targetKind, uuid, name: '' }, includeName && target !== undefined);
}

export interface ShowOptions extends Representation {
  /** `https://host` that the client called. */
  readonly base: string;
  /** Fields that the server adds, references in them as uuids. */
  readonly extra?: Spec;
}

/** An object as the API shows it: no secrets, references as URLs, never null. */
export function show(object: StoredObject, view: Pick<ObjectView, 'get'>, options: ShowOptions): Spec {
  const kind = object.kind as KindName;
  const open = redact(kind, object.spec);
  const bare: Spec = options.skipDefault ? (stripDefaults(kind, open as never) as unknown as Spec) : open;
  const linked = mapReferences(kind, { ...bare, ...options.extra }, (reference) =>
    referenceUrl(options.base, reference.value, reference.targetKind, view, options.includeName),
  );
  const shown: Spec = {
    url: urlOf(options.base, object, options.includeName),
    uuid: object.uuid,
    ...linked,
    _last_modified: object.lastModified,
  };
  return options.fields ? project(shown, options.fields) : shown;
}

function project(shown: Spec, fields: readonly string[]): Spec {
  const wanted = new Set<string>([...ALWAYS, ...fields.map((f) => f.split('.')[0] ?? f)]);
  return Object.fromEntries(Object.entries(shown).filter(([key]) => wanted.has(key)));
}
