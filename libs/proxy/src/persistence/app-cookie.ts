import {
  cookieName,
  cookieSet,
  cookieSpan,
  findCookie,
  pathParameter,
  queryValue,
} from '@spillway/persistence';
import { RateKey, seedOf } from '@spillway/telemetry';
import type { Asker } from '../core/asker.js';
import type { ServerRuntime } from '../core/server.js';
import type { Exchange } from '../http/exchange.js';
import type { Message } from '../http/message.js';
import { latin1Text } from '../bytes.js';
import { VALUE_END, VALUE_START } from '../http1/head.js';
import type { Known } from './persistence.js';
import { ClientTable, TableKnown } from './table.js';

const key = new RateKey();
const SEED = seedOf('persistence by application cookie');

/**
 * By the session that the server itself has given its client: a cookie, a header of that name, or a parameter of the
 * address where clients take no cookies. The table holds hashes only.
 */
export class AppCookie extends ClientTable {
  private lowerCase = '';
  private bytes: Uint8Array = new Uint8Array(0);
  private ofName = '';

  get name(): string {
    return this.ofName;
  }

  set name(name: string) {
    this.ofName = name;
    this.lowerCase = name.toLowerCase();
    this.bytes = cookieName(name);
  }

  recognise({ message }: Asker): TableKnown {
    const known = new TableKnown(this);
    const session = message === null ? null : this.sessionOf(message);
    return session === null ? known : this.find(known.take(this.keyOf(session)));
  }

  /** The session that the server has just given, if another than the client came with. */
  onResponse(known: Known, server: ServerRuntime, _x: Exchange, message: Message): void {
    const session = this.sessionGiven(message);
    if (session === null) return;
    const given = new TableKnown(this).take(this.keyOf(session));
    const before = known as TableKnown;
    if (given.lo === before.lo && given.hi === before.hi && before.server === server) return;
    this.find(given);
    if (given.server !== server) this.note(given, server);
  }

  private keyOf(session: string): RateKey {
    return key.begin(SEED).number(this.pool).text(session);
  }

  private sessionOf(message: Message): string | null {
    const { name } = this;
    const { b, pathStart, pathEnd, head } = message;
    const found =
      this.cookieOf(message) ??
      message.header(this.lowerCase) ??
      (pathEnd < head.targetEnd ? queryValue(message.query, name) : null) ??
      (b.indexOf(SEMICOLON, pathStart) < pathEnd ? pathParameter(message.path, name) : null);
    return found === '' ? null : found;
  }

  private cookieOf(message: Message): string | null {
    const { b, head } = message;
    for (let k = message.find(COOKIE); k >= 0; k = message.find(COOKIE, k + 1))
      if (findCookie(b, head.at(k, VALUE_START), head.at(k, VALUE_END), this.bytes))
        return latin1Text(b, cookieSpan.start, cookieSpan.end);
    return null;
  }

  private sessionGiven(message: Message): string | null {
    let session: string | null = null;
    for (let k = message.find(SET_COOKIE); k >= 0; k = message.find(SET_COOKIE, k + 1))
      session = cookieSet(message.value(k), this.name) ?? session;
    return (session ?? message.header(this.lowerCase)) || null;
  }
}

const SEMICOLON = 59;
const COOKIE = 'cookie';
const SET_COOKIE = 'set-cookie';
