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

/** The kind of persistence of a pool that a virtual service cannot have, and why. */
export interface UnfitPersistence {
  readonly kind: string;
  readonly pool: string;
  readonly virtualService: string;
  readonly lacks: 'requests' | 'TLS';
}

export function unfitPersistence(
  vs: FilledVirtualService,
  pool: FilledPool | undefined,
  lookup: Lookup,
): UnfitPersistence | undefined {
  const ref = pool?.application_persistence_profile_ref;
  const kind = ref ? lookup?.('applicationpersistenceprofile', ref)?.persistence_type : undefined;
  if (pool === undefined || kind === undefined) return undefined;
  const unfit = (lacks: UnfitPersistence['lacks']): UnfitPersistence => ({
    kind,
    pool: pool.name,
    virtualService: vs.name,
    lacks,
  });
  if (BY_REQUEST.has(kind)) return isLayerFour(vs, lookup) ? unfit('requests') : undefined;
  const withoutTls = !(vs.services ?? []).some((service) => service.enable_ssl);
  return kind === 'PERSISTENCE_TYPE_TLS' && withoutTls ? unfit('TLS') : undefined;
}

const WHY = {
  requests: ['needs HTTP', 'is layer 4', 'choose an HTTP application profile'],
  TLS: ['needs TLS sessions', 'ends no TLS', 'set enable_ssl on a port'],
} as const;

export function refusePersistence(
  field: string,
  { kind, pool, virtualService, lacks }: UnfitPersistence,
  value: unknown,
): FieldError {
  const [needs, is, remedy] = WHY[lacks];
  return refuse(
    field,
    `persistence ${kind} of pool ${pool} ${needs} and virtual service ${virtualService} ${is}`,
    `Use client IP persistence in the pool, or ${remedy}`,
    value,
  );
}
