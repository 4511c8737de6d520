import { randomBytes, randomInt } from 'node:crypto';
import type { Spec } from '../store/index.js';

/** A key as the published API has it; the two secrets are sealed in the store. */
export interface CookieKey {
  readonly name?: string;
  readonly aes_key?: string;
  readonly hmac_key?: string;
}

interface Cookie extends Spec {
  cookie_name?: string;
  encryption_key?: string;
  key?: CookieKey[];
}

const FIELD = 'http_cookie_persistence_profile';
const KEY_BYTES = 32;
/** The one in use, the next one, and those before. */
const MOST_MADE = 4;
/** Names of keys that the controller made tell when: what others made is never rotated. */
const MADE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[\da-f]{8}$/;

const isCookieProfile = (spec: Readonly<Spec>): boolean =>
  spec['persistence_type'] === 'PERSISTENCE_TYPE_HTTP_COOKIE';

const cookieOf = (spec: Readonly<Spec> | undefined): Cookie => (spec?.[FIELD] ?? {}) as Cookie;

/** Keys of which the secret is there: one without stands for a key that a reply did not show. */
const keysOf = (cookie: Cookie): CookieKey[] => (cookie.key ?? []).filter((k) => (k.aes_key ?? '') !== '');

/**
 * A profile for HTTP cookies with the name of its cookie and its keys: as given, as they were before, else made here. So
 * they are made once and are the same on every SE. The spec itself where nothing is missing.
 */
export function withCookieKeys(spec: Spec, before: Readonly<Spec> | undefined, now: Date): Spec {
  if (!isCookieProfile(spec)) return spec;
  const given = cookieOf(spec);
  const held = cookieOf(before);
  const name = given.cookie_name || held.cookie_name || randomName();
  const keys = keysOf(given);
  if (keys.length > 0 && given.cookie_name) return spec;
  if (keys.length > 0) return { ...spec, [FIELD]: { ...given, cookie_name: name, key: keys } };
  const kept = keysOf(held);
  const made = kept.length > 0 ? kept : [freshKey(now), freshKey(now)];
  const writes = kept.length > 0 ? held.encryption_key : made[0]?.name;
  return {
    ...spec,
    [FIELD]: {
      ...given,
      cookie_name: name,
      key: made,
      ...(writes === undefined ? {} : { encryption_key: writes }),
    },
  };
}

/** Whether `withCookieKeys` would change it. */
export const lacksCookieKeys = (spec: Readonly<Spec>): boolean =>
  isCookieProfile(spec) && (!cookieOf(spec).cookie_name || keysOf(cookieOf(spec)).length === 0);

/** When the controller last made a key for it, milliseconds since 1970; undefined where its keys are somebody else's. */
export function madeAt(spec: Readonly<Spec>): number | undefined {
  if (!isCookieProfile(spec)) return undefined;
  const times = keysOf(cookieOf(spec)).map(({ name = '' }) => {
    const [, year, month, day, hour, minute, second] = MADE.exec(name) ?? [];
    return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  });
  return times.length === 0 || times.some(Number.isNaN) ? undefined : Math.max(...times);
}

/**
 * The next key is written with from now on and another one is made for the time after, so that every SE can read what
 * the first of them writes. The oldest goes when there are too many: cookies that it made are then taken no more.
 */
export function rotated(spec: Readonly<Spec>, now: Date): Spec {
  const cookie = cookieOf(spec);
  const keys = keysOf(cookie);
  const writing = Math.max(
    0,
    keys.findIndex((k) => k.name === cookie.encryption_key),
  );
  const fresh = freshKey(now);
  const all = [...keys, fresh];
  const next = keys[writing + 1] ?? fresh;
  return {
    ...spec,
    [FIELD]: { ...cookie, key: all.slice(Math.max(0, all.length - MOST_MADE)), encryption_key: next.name },
  };
}

function freshKey(now: Date): Required<CookieKey> {
  const time = now
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:]/g, '');
  return {
    name: `${time}-${randomBytes(4).toString('hex')}`,
    aes_key: randomBytes(KEY_BYTES).toString('base64'),
    hmac_key: randomBytes(KEY_BYTES).toString('base64'),
  };
}

/** Eight letters, that tell nobody what made the cookie. */
const randomName = (): string => String.fromCharCode(...Array.from({ length: 8 }, () => 65 + randomInt(26)));
