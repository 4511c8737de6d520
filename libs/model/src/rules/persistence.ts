import type { FieldError } from '../errors.js';
import type { FilledPool, FilledVirtualService } from '../generated/filled.js';
import { refuse, type RuleContext } from './rule.js';

type Lookup = RuleContext['lookup'];

/** What goes by requests; where there are only connections nobody would be led back anywhere. */
const BY_REQUEST: ReadonlySet<string> = new Set([
  'PERSISTENCE_TYPE_HTTP_COOKIE',
  'PERSISTENCE_TYPE_APP_COOKIE',
  'PERSISTENCE_TYPE_CUSTOM_HTTP_HEADER',
]);

const LAYER_FOUR: ReadonlySet<string> = new Set([
  'APPLICATION_PROFILE_TYPE_L4',
  'APPLICATION_PROFILE_TYPE_SSL',
]);

/** It carries connections or datagrams and looks into none. */
export function isLayerFour(vs: FilledVirtualService, lookup: Lookup): boolean {
  const ref = vs.application_profile_ref;
  const profile = ref === undefined ? undefined : lookup?.('applicationprofile', ref);
  return profile !== undefined && LAYER_FOUR.has(profile.type);
}

/** A pool whose persistence needs requests, with its kind. */
export interface RequestPersistence {
  readonly pool: string;
  readonly kind: string;
}

export function requestPersistence(
  pool: FilledPool | undefined,
  lookup: Lookup,
): RequestPersistence | undefined {
  const ref = pool?.application_persistence_profile_ref;
  const kind = ref ? lookup?.('applicationpersistenceprofile', ref)?.persistence_type : undefined;
  return pool !== undefined && kind !== undefined && BY_REQUEST.has(kind)
    ? { pool: pool.name, kind }
    : undefined;
}

export const refusePersistence = (
  field: string,
  { pool, kind }: RequestPersistence,
  virtualService: string,
  value: unknown,
): FieldError =>
  refuse(
    field,
    `persistence ${kind} of pool ${pool} needs HTTP and virtual service ${virtualService} is layer 4`,
    'Use client IP persistence in the pool, or choose an HTTP application profile',
    value,
  );
