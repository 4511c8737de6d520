import { randomBytes } from 'node:crypto';
import {
  CookieCodec,
  CookieKey,
  cookieName,
  cookieSpan,
  findCookie,
  poolTag,
  serverName,
  setCookie,
  withoutCookie,
  withPart,
  type CookiePart,
} from '@spillway/persistence';
import type { PersistenceBy, PersistenceProfile } from '@spillway/snapshot';
import { latin1Text } from '../bytes.js';
import type { Asker } from '../core/asker.js';
import type { ServerRuntime } from '../core/server.js';
import type { HeadEdits } from '../http/edits.js';
import { fieldLine } from '../http/edits.js';
import type { Exchange } from '../http/exchange.js';
import type { Message } from '../http/message.js';
import { VALUE_END, VALUE_START } from '../http1/head.js';
import type { Known, Persistence } from './persistence.js';
import { Recent } from './recent.js';
import type { ServerNames } from './servers.js';

type HttpCookieBy = Extract<PersistenceBy, { type: 'http_cookie' }>;

/** Cookies whose content is remembered; twice as many at most. */
const MOST_OPENED = 1024;
/** Seconds for which a cookie that was made serves everybody whom it leads to the same server. */
const SAME_FOR = 10;
/** The browser's longest time (RFC 6265bis section 5.5). */
const MOST_MAX_AGE = 34_560_000;
const NOTHING: readonly CookiePart[] = [];
const COOKIE = 'cookie';

/** What a client's cookies say. */
class CookieKnown implements Known {
  server: ServerRuntime | null = null;
  /** The client's cookie leads to this server and need not be sent again. */
  fresh: ServerRuntime | null = null;
  /** Of all pools. */
  parts = NOTHING;
  /** The first field in which a cookie of our name came; -1 without one. */
  field = -1;
  /** How many such cookies came; where the first one lies in the head. */
  count = 0;
  pair = 0;
  next = 0;

  constructor(readonly by: HttpCookie) {}
}

/** What was made for a server. */
interface Made {
  readonly issued: number;
  readonly plain: Uint8Array;
  readonly secure: Uint8Array;
}

/**
 * By a cookie that the SE puts into responses: it names the server, sealed, so that any SE with the keys of the profile
 * leads the client there and nobody else can read or make one. What a cookie says is remembered per worker, and all that
 * lead to the same server within SAME_FOR seconds are the same one: cryptography is for the few.
 */
export class HttpCookie implements Persistence {
  readonly whenDown: PersistenceProfile['when_down'];
  private readonly codec: CookieCodec;
  private readonly tag: number;
  private readonly name: Uint8Array;
  private readonly opened: Recent<readonly CookiePart[]>;
  private readonly made = new Map<ServerRuntime, Made>();

  constructor(
    poolUuid: string,
    private readonly names: ServerNames,
    profile: PersistenceProfile,
    private readonly by: HttpCookieBy,
  ) {
    this.whenDown = profile.when_down;
    this.tag = poolTag(poolUuid);
    this.name = cookieName(by.cookie_name);
    this.codec = new CookieCodec(by.keys.map((key) => new CookieKey(key, profile.uuid)));
    this.opened = new Recent(MOST_OPENED, (value) => this.codec.open(value) ?? NOTHING);
  }

  recognise({ message }: Asker): CookieKnown {
    const known = new CookieKnown(this);
    if (message === null) return known;
    const { b, head } = message;
    const { timeout } = this.by;
    for (let k = message.find(COOKIE); k >= 0; k = message.find(COOKIE, k + 1)) {
      const end = head.at(k, VALUE_END);
      for (let at = head.at(k, VALUE_START); findCookie(b, at, end, this.name); at = cookieSpan.next) {
        known.count++;
        if (known.field < 0) {
          known.field = k;
          known.pair = cookieSpan.pair;
          known.next = cookieSpan.next;
        }
        const parts = this.opened.of(latin1Text(b, cookieSpan.start, cookieSpan.end));
        if (known.parts.length === 0) known.parts = parts;
        if (known.server === null) this.read(known, parts, timeout);
      }
    }
    return known;
  }

  private read(known: CookieKnown, parts: readonly CookiePart[], timeout: number | undefined): void {
    for (const { pool, issued, server } of parts) {
      if (pool !== this.tag || (timeout !== undefined && seconds() - issued >= timeout)) continue;
      known.parts = parts;
      known.server = this.names.named(server);
      known.fresh = known.server;
    }
  }

  /** The response will tell. */
  learn(_known: Known, server: ServerRuntime): ServerRuntime {
    return server;
  }

  onRequest(known: Known, message: Message, edits: HeadEdits): void {
    const { b, head } = message;
    const { field, count, pair, next } = known as CookieKnown;
    if (count === 1 && head.dropped[field] === 0) {
      const start = head.at(field, VALUE_START);
      const line = lineWithout(b, start, trimmed(b, head.at(field, VALUE_END)), pair, next);
      head.drop(field);
      if (line !== null) edits.addLine(line);
    } else if (count > 0) this.dropAll(field, message, edits);
  }

  private dropAll(field: number, message: Message, edits: HeadEdits): void {
    const { b, head } = message;
    for (let k = field; k >= 0; k = message.find(COOKIE, k + 1)) {
      if (head.dropped[k] === 1) continue;
      const left = withoutCookie(b, head.at(k, VALUE_START), trimmed(b, head.at(k, VALUE_END)), this.name);
      if (left === null) continue;
      head.drop(k);
      if (left.length > 0) edits.addLine(lineOf(left, 0, left.length, 0, 0));
    }
  }

  onResponse(known: Known, server: ServerRuntime, x: Exchange, _message: Message, edits: HeadEdits): void {
    const { fresh, parts } = known as CookieKnown;
    if (fresh === server && !this.by.always_send) return;
    const secure = x.connection.tls !== null;
    const others = parts.some((p) => p.pool !== this.tag);
    edits.addLine(others ? this.lineFor(server, parts, secure, seconds()) : this.commonLine(server, secure));
  }

  private commonLine(server: ServerRuntime, secure: boolean): Uint8Array {
    const now = seconds();
    let made = this.made.get(server);
    if (made === undefined || now - made.issued >= SAME_FOR || now < made.issued) {
      const value = this.sealed(server, NOTHING, now);
      made = { issued: now, plain: this.line(value, false, now), secure: this.line(value, true, now) };
      this.made.set(server, made);
    }
    return secure ? made.secure : made.plain;
  }

  private lineFor(
    server: ServerRuntime,
    parts: readonly CookiePart[],
    secure: boolean,
    now: number,
  ): Uint8Array {
    return this.line(this.sealed(server, parts, now), secure, now);
  }

  private sealed(server: ServerRuntime, parts: readonly CookiePart[], now: number): string {
    const part = { pool: this.tag, issued: now, server: serverName(server) };
    return this.codec.seal(withPart(parts, part), randomBytes(12));
  }

  private line(value: string, secure: boolean, now: number): Uint8Array {
    const { cookie_name: name, http_only: httpOnly, persistent, timeout } = this.by;
    const maxAge = persistent ? (timeout ?? MOST_MAX_AGE) : undefined;
    return fieldLine('Set-Cookie', setCookie(name, value, { maxAge, httpOnly, secure }, now));
  }
}

const FIELD = Buffer.from('Cookie: ');

/** The line of a Cookie field b[start..end) without the pair b[pair..next); null when nothing is left. */
function lineWithout(
  b: Uint8Array,
  start: number,
  end: number,
  pair: number,
  next: number,
): Uint8Array | null {
  // The semicolon in front of it goes too, or else the blanks behind it.
  if (pair > start) return lineOf(b, start, pair - 1, Math.min(next - 1, end), end);
  let from = next;
  while (from < end && (b[from] === 32 || b[from] === 9)) from++;
  return from < end ? lineOf(b, from, end, 0, 0) : null;
}

/** A Cookie line of b[start..end) and b[more..last). */
function lineOf(b: Uint8Array, start: number, end: number, more: number, last: number): Uint8Array {
  const line = new Uint8Array(FIELD.length + end - start + last - more + 2);
  let at = FIELD.length;
  line.set(FIELD);
  for (let i = start; i < end; i++) line[at++] = b[i]!;
  for (let i = more; i < last; i++) line[at++] = b[i]!;
  line[at] = 13;
  line[at + 1] = 10;
  return line;
}

/** The end of a value, without white space behind it. */
function trimmed(b: Uint8Array, end: number): number {
  let at = end;
  while (b[at - 1] === 32 || b[at - 1] === 9) at--;
  return at;
}

const seconds = (): number => Math.floor(Date.now() / 1000);
