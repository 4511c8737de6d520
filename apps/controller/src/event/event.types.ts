import { isKind, kinds } from '@spillway/model';

/** Something worth recording. Ids are those of `EventLog.event_id` in the published schema. */
export interface NewEvent {
  readonly eventId: string;
  /** Kind of the object it is about (`virtualservice`, `serviceengine` ...); empty for the system. */
  readonly kind: string;
  readonly objUuid: string;
  readonly objName: string;
  readonly tenantUuid?: string;
  /** Who caused it; empty for the system itself. */
  readonly userName?: string;
  /** One sentence for people. */
  readonly description: string;
  /** What programs read; no secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** `EventLog.obj_type`: the kind in capitals. */
export const objTypeOf = (kind: string): string => kind.toUpperCase();

/** `VirtualService shop`, for sentences. */
export const nameOf = (kind: string, name: string): string =>
  `${isKind(kind) ? kinds[kind].type : kind} ${name}`;

/** A change of configuration by a user, for `CONFIG_*`. Specs are as stored; secrets are taken out here. */
export interface ConfigChange {
  readonly action: 'create' | 'update' | 'delete';
  readonly kind: string;
  readonly uuid: string;
  readonly name: string;
  readonly tenantUuid: string;
  readonly userName: string;
  /** Request path. */
  readonly path?: string;
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
}

/** An action on an object by a user (`scaleout` ...), for `CONFIG_ACTION`. */
export interface ConfigAction {
  readonly action: string;
  readonly kind: string;
  readonly uuid: string;
  readonly name: string;
  readonly tenantUuid: string;
  readonly userName: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** `Success`, or the code of the refusal. */
  readonly status: string;
  readonly error?: string;
}
