import type {
  FilledAppCookiePersistenceProfile,
  FilledApplicationPersistenceProfile,
  FilledHttpCookiePersistenceProfile,
  FilledIPPersistenceProfile,
  FilledPool,
  FilledPoolGroup,
} from '@spillway/model';
import type { PersistenceBy, PersistenceProfile, Pool, VirtualService } from '@spillway/snapshot';
import { clamp, filledMessage, follow, refUuid } from './read.js';
import { error, failed, type Lookup, type Problem, type Translated } from './types.js';

const MINUTE = 60;
/** As published for client IP and application cookies; the published schema has no field for TLS. */
const MOST_MINUTES = 720;
const TLS_MINUTES = 60;
const MOST_COOKIE_MINUTES = 14_400;
const MOST_KEYS = 8;

const WHEN_DOWN: Readonly<Record<string, PersistenceProfile['when_down']>> = {
  HM_DOWN_ABORT_CONNECTION: 'abort',
  HM_DOWN_CONTINUE_PERSISTENT_SERVER: 'continue',
};

/** What needs requests; a layer 4 virtual service sees none. */
const BY_REQUEST: ReadonlySet<string> = new Set([
  'PERSISTENCE_TYPE_HTTP_COOKIE',
  'PERSISTENCE_TYPE_APP_COOKIE',
  'PERSISTENCE_TYPE_CUSTOM_HTTP_HEADER',
]);

/** What a pool says of persistence. */
export function persistenceOf(pool: FilledPool): Pick<Pool, 'persistence_profile_uuid'> {
  const uuid = refUuid(pool.application_persistence_profile_ref);
  return uuid === undefined ? {} : { persistence_profile_uuid: uuid };
}

export function translatePersistenceProfile(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'applicationpersistenceprofile')
    return failed(error('PERSISTENCE_MISSING', '', `persistence profile ${uuid} does not exist`));
  const spec = object.spec as FilledApplicationPersistenceProfile;
  const by = byOf(spec);
  if ('code' in by) return failed(by);
  const when_down = WHEN_DOWN[spec.server_hm_down_recovery] ?? 'pick_new';
  const body: PersistenceProfile = { uuid, name: object.name, when_down, by };
  return { fragment: { type: 'persistence_profile', key: uuid, body }, uses: [], problems: [] };
}

function byOf(spec: FilledApplicationPersistenceProfile): PersistenceBy | Problem {
  switch (spec.persistence_type) {
    case 'PERSISTENCE_TYPE_HTTP_COOKIE':
      return httpCookieOf(spec);
    case 'PERSISTENCE_TYPE_APP_COOKIE': {
      const cookie = filledMessage<FilledAppCookiePersistenceProfile>(
        'AppCookiePersistenceProfile',
        spec.app_cookie_persistence_profile,
      );
      return cookie.prst_hdr_name
        ? { type: 'app_cookie', name: cookie.prst_hdr_name, timeout: minutes(cookie.timeout) }
        : incomplete('app_cookie_persistence_profile.prst_hdr_name', 'the name of the cookie is missing');
    }
    case 'PERSISTENCE_TYPE_CUSTOM_HTTP_HEADER': {
      const name = spec.hdr_persistence_profile?.prst_hdr_name;
      return name
        ? { type: 'header', name }
        : incomplete('hdr_persistence_profile.prst_hdr_name', 'the name of the header is missing');
    }
    case 'PERSISTENCE_TYPE_CLIENT_IP_ADDRESS':
    case 'PERSISTENCE_TYPE_CLIENT_IPV6_ADDRESS': {
      const ip = filledMessage<FilledIPPersistenceProfile>(
        'IPPersistenceProfile',
        spec.ip_persistence_profile,
      );
      return {
        type: 'client_ip',
        ...(ip.ip_mask === undefined ? {} : { mask: clamp(ip.ip_mask, 0, 128) }),
        timeout: minutes(ip.ip_persistent_timeout),
      };
    }
    case 'PERSISTENCE_TYPE_TLS':
      return { type: 'tls', timeout: minutes(TLS_MINUTES) };
    case 'PERSISTENCE_TYPE_GSLB_SITE':
      break;
  }
  return error(
    'PERSISTENCE_NOT_HONOURED',
    'persistence_type',
    `${spec.persistence_type} is not honoured yet; use PERSISTENCE_TYPE_HTTP_COOKIE or PERSISTENCE_TYPE_CLIENT_IP_ADDRESS`,
  );
}

function httpCookieOf(spec: FilledApplicationPersistenceProfile): PersistenceBy | Problem {
  const cookie = filledMessage<FilledHttpCookiePersistenceProfile>(
    'HttpCookiePersistenceProfile',
    spec.http_cookie_persistence_profile,
  );
  const keys = (cookie.key ?? []).flatMap(({ name = '', aes_key = '', hmac_key }) =>
    aes_key === '' ? [] : [{ name, aes_key, ...(hmac_key ? { hmac_key } : {}) }],
  );
  const writes = keys.find((k) => k.name === cookie.encryption_key) ?? keys[0];
  if (writes === undefined || !cookie.cookie_name)
    return incomplete('http_cookie_persistence_profile.key', 'the controller has made no key yet');
  return {
    type: 'http_cookie',
    cookie_name: cookie.cookie_name,
    keys: [writes, ...keys.filter((k) => k !== writes)].slice(0, MOST_KEYS),
    ...(cookie.timeout ? { timeout: clamp(cookie.timeout, 1, MOST_COOKIE_MINUTES) * MINUTE } : {}),
    http_only: cookie.http_only,
    persistent: cookie.is_persistent_cookie,
    always_send: cookie.always_send_cookie,
  };
}

const minutes = (value: number): number => clamp(value, 1, MOST_MINUTES) * MINUTE;

const incomplete = (path: string, text: string): Problem => error('PERSISTENCE_INCOMPLETE', path, text);

/**
 * Pools of a virtual service may not persist by what it has not (requests, TLS): its clients would be spread as if they
 * had no persistence at all.
 */
export function refuseUnfitPersistence(
  vs: Pick<VirtualService, 'pool_uuid' | 'pool_group_uuid' | 'l4_rules' | 'application' | 'services'>,
  lookup: Lookup,
): Problem[] {
  const isHttp = vs.application.type === 'http';
  const hasTls = vs.services.some((service) => service.enable_ssl === true);
  if (isHttp && hasTls) return [];
  const rules = vs.l4_rules ?? [];
  const groups = [vs.pool_group_uuid, ...rules.map((r) => r.pool_group_uuid)];
  const pools = [
    vs.pool_uuid,
    ...rules.map((r) => r.pool_uuid),
    ...groups.flatMap((group) => membersOf(group, lookup)),
  ];
  return [...new Set(pools)].flatMap((uuid) => {
    const pool = follow(lookup, uuid, 'pool');
    const ref = (pool?.spec as FilledPool | undefined)?.application_persistence_profile_ref;
    const profile = follow(lookup, ref, 'applicationpersistenceprofile');
    const type = (profile?.spec as FilledApplicationPersistenceProfile | undefined)?.persistence_type;
    const lacks = lackOf(type, isHttp, hasTls);
    if (lacks === undefined) return [];
    return [
      error('PERSISTENCE_NOT_HONOURED', 'pool_ref', `pool ${pool?.name} persists by ${type}, which ${lacks}`),
    ];
  });
}

function lackOf(type: string | undefined, isHttp: boolean, hasTls: boolean): string | undefined {
  if (type === undefined) return undefined;
  if (BY_REQUEST.has(type))
    return isHttp
      ? undefined
      : 'needs HTTP, and the virtual service is layer 4; use client IP persistence or an HTTP application profile';
  return type === 'PERSISTENCE_TYPE_TLS' && !hasTls
    ? 'needs TLS sessions, and the virtual service ends no TLS; use client IP persistence or set enable_ssl on a port'
    : undefined;
}

function membersOf(group: string | undefined, lookup: Lookup): string[] {
  const found = follow(lookup, group, 'poolgroup');
  const { members } = (found?.spec ?? {}) as FilledPoolGroup | { members?: undefined };
  return (members ?? []).flatMap(({ pool_ref }) => refUuid(pool_ref) ?? []);
}
