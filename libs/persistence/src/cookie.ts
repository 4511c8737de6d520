import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

const VERSION = 1;
const ID_BYTES = 4;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const AT_IV = 1 + ID_BYTES;
const AT_BODY = AT_IV + IV_BYTES;
const ALGORITHM = 'aes-256-gcm';

/** Pools that one cookie remembers a server of: with one more, that which was written longest ago is forgotten. */
export const MOST_PARTS = 4;
/** Bytes of a server's name in a cookie: `[IPv6 address]:port` with a scope fits. */
const MOST_NAME = 80;
/** Nothing of ours is longer, in characters. */
export const MOST_COOKIE = Math.ceil(((AT_BODY + TAG_BYTES + MOST_PARTS * (9 + MOST_NAME)) * 4) / 3);

/** Which server of one pool a client belongs to. */
export interface CookiePart {
  /** Which pool it is of, see `poolTag`. */
  readonly pool: number;
  /** Seconds since 1970 at which it was written. */
  readonly issued: number;
  /** `address:port`, an IPv6 address in brackets. */
  readonly server: string;
}

/** One key as the published API has it. */
export interface CookieKeyText {
  readonly name: string;
  /** Base64 or any other text; see `CookieKey`. */
  readonly aes_key: string;
  readonly hmac_key?: string | undefined;
}

/**
 * A key made of what a profile holds by HKDF-SHA256 (RFC 5869), so that keys of any length and form serve. The name that
 * cookies carry of it tells nothing of it.
 */
export class CookieKey {
  readonly id: Buffer;
  readonly #key: Buffer;

  /** @param scope what the cookie is for; a cookie made for another scope is not opened */
  constructor(text: CookieKeyText, scope: string) {
    const secret = Buffer.from(`${text.aes_key}\0${text.hmac_key ?? ''}`);
    const info = `spillway persistence cookie ${scope}`;
    const made = Buffer.from(hkdfSync('sha256', secret, '', info, KEY_BYTES + ID_BYTES));
    this.#key = made.subarray(0, KEY_BYTES);
    this.id = made.subarray(KEY_BYTES);
  }

  /** @param iv 12 bytes that were never used with this key: random */
  seal(plain: Buffer, iv: Buffer): string {
    const head = Buffer.concat([Buffer.of(VERSION), this.id]);
    const cipher = createCipheriv(ALGORITHM, this.#key, iv).setAAD(head);
    return Buffer.concat([head, iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString(
      'base64url',
    );
  }

  /** @returns null for what was not sealed with this key, or has been changed since */
  open(sealed: Buffer): Buffer | null {
    const end = sealed.length - TAG_BYTES;
    try {
      const decipher = createDecipheriv(ALGORITHM, this.#key, sealed.subarray(AT_IV, AT_BODY), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(sealed.subarray(0, AT_IV)).setAuthTag(sealed.subarray(end));
      return Buffer.concat([decipher.update(sealed.subarray(AT_BODY, end)), decipher.final()]);
    } catch {
      return null;
    }
  }
}

/**
 * Makes and reads cookies. Each is AES-256-GCM of the servers that a client belongs to, so that it can be neither read
 * nor made by others, and every SE with the keys understands it.
 */
export class CookieCodec {
  /** @param keys all are read with, the first one is written with; at least one */
  constructor(private readonly keys: readonly CookieKey[]) {}

  /** @param iv 12 random bytes */
  seal(parts: readonly CookiePart[], iv: Buffer): string {
    return this.keys[0]!.seal(encode(parts), iv);
  }

  /** @returns null for what is none of ours: foreign, changed, cut, too long, or sealed with a key that is gone */
  open(value: string): CookiePart[] | null {
    if (value.length > MOST_COOKIE || !/^[\w-]+$/.test(value)) return null;
    const sealed = Buffer.from(value, 'base64url');
    if (sealed.length < AT_BODY + TAG_BYTES || sealed[0] !== VERSION) return null;
    for (const key of this.keys)
      if (sealed.compare(key.id, 0, ID_BYTES, 1, AT_IV) === 0) {
        const plain = key.open(sealed);
        if (plain !== null) return decode(plain);
      }
    return null;
  }
}

/** The parts with that of one pool put in; it is the last one then. */
export function withPart(parts: readonly CookiePart[], part: CookiePart): CookiePart[] {
  const others = parts.filter((p) => p.pool !== part.pool);
  return [...others.slice(Math.max(0, others.length + 1 - MOST_PARTS)), part];
}

function encode(parts: readonly CookiePart[]): Buffer {
  return Buffer.concat(
    parts.flatMap(({ pool, issued, server }) => {
      const head = Buffer.alloc(9);
      head.writeUInt32BE(pool >>> 0, 0);
      head.writeUInt32BE(issued >>> 0, 4);
      const name = Buffer.from(server, 'latin1').subarray(0, MOST_NAME);
      head[8] = name.length;
      return [head, name];
    }),
  );
}

/** What was sealed is ours, but maybe of a later release: then it counts as foreign. */
function decode(b: Buffer): CookiePart[] | null {
  const parts: CookiePart[] = [];
  let at = 0;
  while (at < b.length) {
    const end = at + 9 + (b[at + 8] ?? 0);
    if (at + 9 > b.length || end > b.length) return null;
    parts.push({
      pool: b.readUInt32BE(at),
      issued: b.readUInt32BE(at + 4),
      server: b.toString('latin1', at + 9, end),
    });
    at = end;
  }
  return parts;
}
