import { describe, expect, it } from '@jest/globals';
import { lacksCookieKeys, madeAt, rotated, withCookieKeys, type CookieKey } from './cookie-keys.js';

const NOW = new Date('2026-11-22T06:15:30.123Z');
const LATER = new Date('2026-11-23T06:15:30.123Z');
const profile = (cookie?: object): Record<string, unknown> => ({
  name: 'p',
  persistence_type: 'PERSISTENCE_TYPE_HTTP_COOKIE',
  ...(cookie === undefined ? {} : { http_cookie_persistence_profile: cookie }),
});
interface Cookie {
  cookie_name: string;
  encryption_key?: string;
  key: CookieKey[];
}
const cookieOf = (spec: object): Cookie =>
  (spec as { http_cookie_persistence_profile: Cookie }).http_cookie_persistence_profile;

describe('the keys of a cookie profile', () => {
  it('are made with a name, two of them, where none are given', () => {
    const made = withCookieKeys(profile(), undefined, NOW);
    const { cookie_name, key, encryption_key } = cookieOf(made);
    expect(cookie_name).toMatch(/^[A-Z]{8}$/);
    expect(key.map((k) => Buffer.from(k.aes_key!, 'base64').length)).toEqual([32, 32]);
    expect(new Set(key.flatMap((k) => [k.aes_key, k.hmac_key])).size).toBe(4);
    expect(encryption_key).toBe(key[0]!.name);
    expect(lacksCookieKeys(profile())).toBe(true);
    expect(lacksCookieKeys(made)).toBe(false);
    expect(madeAt(made)).toBe(Date.parse('2026-11-22T06:15:30Z'));
  });

  it('stay as they are when the profile is written without them, or with their names alone', () => {
    const made = withCookieKeys(profile(), undefined, NOW);
    const names = cookieOf(made).key.map(({ name }) => ({ name }));
    for (const written of [profile(), profile({ timeout: 5 }), profile({ key: names })]) {
      const again = cookieOf(withCookieKeys(written, made, LATER));
      expect(again.key).toEqual(cookieOf(made).key);
      expect(again.cookie_name).toBe(cookieOf(made).cookie_name);
      expect(again.encryption_key).toBe(cookieOf(made).encryption_key);
    }
    expect(withCookieKeys(made, made, LATER)).toBe(made);
  });

  it('of others are kept and never rotated by the clock', () => {
    const own = profile({ cookie_name: 'mine', key: [{ name: 'k', aes_key: 'x'.repeat(44) }] });
    expect(withCookieKeys(own, undefined, NOW)).toBe(own);
    expect(madeAt(own)).toBeUndefined();
    const unnamed = profile({ key: [{ name: 'k', aes_key: 'x'.repeat(44) }] });
    expect(cookieOf(withCookieKeys(unnamed, undefined, NOW)).cookie_name).toMatch(/^[A-Z]{8}$/);
  });

  it('of other kinds of persistence are nobody’s business', () => {
    const ip = { name: 'p', persistence_type: 'PERSISTENCE_TYPE_CLIENT_IP_ADDRESS' };
    expect(withCookieKeys(ip, undefined, NOW)).toBe(ip);
    expect(lacksCookieKeys(ip)).toBe(false);
    expect(madeAt(ip)).toBeUndefined();
  });

  it('rotate to one that every SE has known for a whole period', () => {
    let spec = withCookieKeys(profile(), undefined, NOW);
    for (let i = 0; i < 6; i++) {
      const before = cookieOf(spec);
      spec = rotated(spec, LATER);
      const after = cookieOf(spec);
      expect(after.encryption_key).not.toBe(before.encryption_key);
      expect(before.key.map((k) => k.name)).toContain(after.encryption_key);
      expect(after.key.map((k) => k.name)).toContain(before.encryption_key);
      expect(after.key.length).toBeLessThanOrEqual(4);
      expect(after.key.at(-1)!.name).not.toBe(after.encryption_key);
    }
    expect(madeAt(spec)).toBe(Date.parse('2026-11-23T06:15:30Z'));
  });
});
