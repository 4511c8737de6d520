import { CLOSED_BY, FAILED_BY, OWN_BY, SERVER, VS } from '@spillway/telemetry';
import { asker, type KeptLinks } from '../core/asker.js';
import { chooseBackup, failActionOf } from '../core/backup.js';
import { poolFor } from '../core/service.js';
import type { Pool } from '../core/pool.js';
import { Refusal } from '../core/refusal.js';
import type { Room } from '../core/room.js';
import type { Waiter, WaitingList } from '../core/waiting-list.js';
import type { ServerRuntime } from '../core/server.js';
import { METHOD, type Head } from '../http1/head.js';
import { offersUpgrade } from '../http1/upgrade.js';
import { sendContinue } from './continue.js';
import { requestEdits } from './edits.js';
import { Exchange } from './exchange.js';
import { hasLongField } from './fields.js';
import { forwardRequest, forwarded } from './forward.js';
import { hostLineOf, replaceHost } from './host-header.js';
import { requestClass, requestKey } from './hash-key.js';
import { MOST_ATTEMPTS, MOST_REPLAY, STALE_WITHIN } from './limits.js';
import type { Persistence } from '../persistence/persistence.js';
import { requestMessage, type Message } from './message.js';
import { nowhere } from './nowhere.js';
import { lastHopResponse, plainResponse, type OwnResponse } from './own-response.js';
import { Replay } from './replay.js';
import type { Reselect, Tried } from './reselect.js';
import { FAILED, type Failure, type HttpServerLink, portOf } from './server-link.js';

const OVERLOADED: OwnResponse = {
  status: 503,
  fields: [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Retry-After', '1'],
  ],
  body: Buffer.from('503 no memory is left for more requests\n'),
  why: OWN_BY.OVERLOAD,
};

/** How a response is counted that tells of a server's failure. */
const OWN_FOR: Record<number, number> = {
  [FAILED_BY.REFUSED]: OWN_BY.SERVER_UNREACHABLE,
  [FAILED_BY.UNREACHABLE]: OWN_BY.SERVER_UNREACHABLE,
  [FAILED_BY.HANDSHAKE]: OWN_BY.SERVER_UNREACHABLE,
  [FAILED_BY.CONNECT_TIMEOUT]: OWN_BY.SERVER_CONNECT_TIMEOUT,
  [FAILED_BY.CLOSED]: OWN_BY.SERVER_CLOSED,
  [FAILED_BY.RESET]: OWN_BY.SERVER_CLOSED,
  [FAILED_BY.MALFORMED]: OWN_BY.SERVER_MALFORMED,
  [FAILED_BY.TIMEOUT]: OWN_BY.SERVER_TIMEOUT,
};

const NO_POOL = { hash: null, feed: null };
const HOST = 'Host:';
/** Bytes that rules may add to a head. */
const EDITS = 4096;

/**
 * The failure is the server's own: it was not taken out of service, nor did a kept connection end while the next request
 * was on its way.
 */
const isFault = (link: HttpServerLink, failure: Failure): boolean =>
  failure !== FAILED.gone &&
  (!link.reused || link.answering || (failure !== FAILED.closed && failure !== FAILED.reset));

/**
 * The way of an exchange's request to a server: which one, what is sent there, what is kept of it meanwhile, and
 * whether it goes to another one when that fails.
 */
export abstract class Delivery extends Exchange implements KeptLinks, Waiter {
  /** Connections tried. */
  attempts = 0;
  /** What consistent hash goes by. */
  private hashKey = 0;
  /** What was sent of the request, as long as it is small and no answer has come. */
  private replay: Replay | null = null;
  private replayable = false;
  /** The line that the client sent, when its server was told another Host; null else. */
  private clientHost: Uint8Array | null = null;
  /** When the last bytes of a request that is not idempotent went out on a connection used before. */
  private sentAt = 0;
  /** Servers that have failed the request and are not given it again; null for none. */
  private tried: Tried | null = null;
  /** The server's answer has been counted. */
  private judged = false;
  /** The request may go to a kept connection. */
  private mayReuse = false;
  /** Where it waits for a place; null while it does not. */
  private room: Room | null = null;
  waitsIn: WaitingList | null = null;
  newerWaiter: Waiter | null = null;
  olderWaiter: Waiter | null = null;
  waitsSince = 0;

  /**
   * Sends a request on its way: `head` describes b[head.start..bodyAt), the part of the body that is there follows up
   * to `bodyEnd`. Set `requestDone` and `expects` before.
   * @param rest bytes of the body that are still to come; Infinity when nobody knows
   */
  protected route(head: Head, b: Uint8Array, bodyAt: number, bodyEnd: number, rest: number): void {
    if (head.lastHop) {
      this.answer(lastHopResponse(head.method));
      return;
    }
    if (this.connection.context.budget.exceeded) {
      this.answer(OVERLOADED);
      return;
    }
    const { rules } = this.config!;
    const { profile } = this;
    requestEdits.clear();
    if (hasLongField(head, bodyAt, profile.max_field_size)) {
      this.answer(plainResponse(431, 'a request header is too large'));
      return;
    }
    if (rules !== null && !rules.onRequest(this, requestMessage.of(b, head), requestEdits)) return;
    const { pool } = this;
    this.serverName = this.nameIn(pool, head, b);
    const own = this.binds ? (pool?.protocol.bound?.(this) ?? null) : null;
    const { hash, feed } = pool ?? NO_POOL;
    this.kind = feed !== null && feed.classes ? requestClass(requestMessage.of(b, head)) : 0;
    this.timed = rest === 0;
    this.hashKey = hash === null ? 0 : requestKey(hash, this, requestMessage.of(b, head));
    if (pool !== null && pool.persistence !== null) this.recognise(pool.persistence, head, b);
    // What cannot be kept for a second try must not meet a connection that may be dead.
    this.mayReuse = bodyEnd - head.start + EDITS + rest <= MOST_REPLAY;
    const server = own === null ? this.chooseOf(pool, head, b) : own.server;
    if (server === null && this.room === null) {
      nowhere(this, pool);
      return;
    }
    if (server !== null && server.pool !== pool) this.serverName = this.nameIn(server.pool, head, b);
    this.upgrade = this.requestDone && profile.websockets_enabled !== false && offersUpgrade(head, b);
    if (this.expects && profile.respond_with_100_continue === true) this.goOn(head, b, bodyAt === bodyEnd);
    const hosts = (server ?? this).pool?.hosts ?? null;
    if (hosts !== null) requestEdits.reserved = hosts.room;
    forwardRequest(this, head, b, bodyAt, bodyEnd, requestEdits);
    if (this.clientHost !== null) this.clientHost = null;
    if (hosts !== null && server !== null) this.tellHost(server);
    const from = forwarded;
    this.replay?.release();
    this.replay = null;
    this.replayable = true;
    this.attempts = 1;
    if (this.tried !== null) this.tried = null;
    this.judged = false;
    this.forwardedAt = this.startedAt;
    if (server === null) {
      this.wait(pool, head, b);
      return;
    }
    const link = own ?? server.pool!.protocol.take(this.connection.context, server, this, this.mayReuse);
    this.link = link;
    if (!this.begin(link, from.b, from.start, from.bodyAt, from.end) && !this.requestDone)
      this.pauseRequest();
  }

  /** The server gets the Host that its pool has for it; the head is in `forwarded`. */
  private tellHost(server: ServerRuntime): void {
    const line = this.hostFor(server);
    if (line === null) return;
    const { b, start, bodyAt } = forwarded;
    this.clientHost = hostLineOf(b, start, bodyAt);
    forwarded.start = replaceHost(b, start, bodyAt, line);
  }

  /** The same for a head that is kept, and has the Host of another server or the client's. */
  private tellAgain(server: ServerRuntime): void {
    const line = this.hostFor(server) ?? this.clientHost;
    const { replay } = this;
    if (line === null || replay === null) return;
    this.clientHost ??= hostLineOf(replay.bytes(), 0, replay.bodyAt);
    const head = new Uint8Array(line.length + replay.bodyAt);
    head.set(replay.bytes().subarray(0, replay.bodyAt), line.length);
    replay.setHead(head.subarray(replaceHost(head, line.length, head.length, line)));
  }

  private hostFor(server: ServerRuntime): Uint8Array | null {
    return server.pool?.hosts?.lineFor(server.place, portOf(server, this)) ?? null;
  }

  private chooseOf(pool: Pool | null, head: Head, b: Uint8Array): ServerRuntime | null {
    const message = requestMessage.of(b, head);
    this.ask().withRequest(message, this.clientAddress);
    const { wanted } = this;
    if (wanted !== null) {
      const taken = wanted.pool?.admit(wanted, asker) ?? null;
      if (taken === null && !this.mayWait(wanted.pool)) wanted.pool?.room?.refused();
      return taken;
    }
    const server = pool?.choose(asker, null) ?? null;
    if (server !== null || pool === null || pool.refusal === Refusal.PersistentServerDown) return server;
    if (this.mayWait(pool)) return null;
    const other = this.impatient(pool);
    if (other !== null) return other;
    if (pool.refusal === Refusal.Full) pool.room?.refused();
    const action = failActionOf(pool, this.group);
    if (action === null || action.backup === null) return null;
    const instead = chooseBackup(action, (hash) => (this.hashKey = requestKey(hash, this, message)));
    if (instead !== null) this.goElsewhere(instead.pool!, message);
    return instead;
  }

  keeps(server: ServerRuntime): boolean {
    return server.pool?.protocol.hasRoom(server, this, this.mayReuse) === true;
  }

  /** The request goes to another pool than its own, which may know its client too. */
  private goElsewhere(pool: Pool, message: Message): void {
    this.pool = pool;
    const { known } = asker;
    this.known = known !== null && known.by === pool.persistence ? known : null;
    this.known?.by.onRequest?.(this.known, message, requestEdits);
  }

  private ask(): typeof asker {
    const { ends, socket, tls } = this.connection;
    asker.of(ends, socket, tls, this.hashKey).keptBy(this).withRequest(null, this.clientAddress);
    asker.known = this.known;
    asker.patient = this.mayQueue;
    return asker;
  }

  private recognise(persistence: Persistence, head: Head, b: Uint8Array): void {
    const message = requestMessage.of(b, head);
    this.known = persistence.recognise(this.ask().withRequest(message, this.clientAddress));
    persistence.onRequest?.(this.known, message, requestEdits);
  }

  /** What TLS calls a server of the pool, for this request. */
  private nameIn(pool: Pool | null, head: Head, b: Uint8Array): string {
    const tls = pool === null ? null : pool.tls;
    return tls === null ? '' : tls.nameFor(requestMessage.of(b, head).host);
  }

  /** Lets the client send its body, on our own account: the server is not asked. */
  private goOn(head: Head, b: Uint8Array, waiting: boolean): void {
    this.expects = false;
    head.drop(requestMessage.of(b, head).find('expect'));
    // RFC 9110 section 10.1.1: not needed when part of the body is there already.
    if (waiting && !this.requestDone) sendContinue(this);
  }

  /** Sends the head and what is there of the body, or keeps it until the link is ready. */
  private begin(link: HttpServerLink, b: Uint8Array, start: number, bodyAt: number, end: number): boolean {
    if (!link.ready || end - start <= MOST_REPLAY) {
      this.keep(b, start, end);
      this.replay!.bodyAt = bodyAt - start;
    } else this.replayable = false;
    if (!link.ready) return false;
    if (link.reused && !this.idempotent) this.sentAt = this.connection.context.transport.now();
    return link.begin(b, start, bodyAt, end);
  }

  /** More of the request's body. False: wait for `serverTakes`. */
  protected requestBody(b: Uint8Array, start: number, end: number): boolean {
    const { link } = this;
    if (link === null) {
      if (this.room === null) return true;
      this.keep(b, start, end);
      return false;
    }
    if (!link.ready) {
      this.keep(b, start, end);
      return false;
    }
    if (this.replayable) {
      if ((this.replay?.length ?? 0) + end - start <= MOST_REPLAY) this.keep(b, start, end);
      else this.forget();
    }
    if (link.reused && !this.idempotent) this.sentAt = this.connection.context.transport.now();
    return link.more(b, start, end);
  }

  // Waiting for a place at a server

  /** All servers of the pool are full: whether the request waits until one is not. */
  private mayWait(pool: Pool | null): boolean {
    const room = pool === null || pool.refusal !== Refusal.Full ? null : pool.room;
    if (room === null) return false;
    if (!room.wait(this, this.mayQueue, true)) return false;
    this.room = room;
    return true;
  }

  /** Only GET is put into the queue (HTTP Request Queueing), and only when nothing more of it is to come. */
  private get mayQueue(): boolean {
    return this.method === METHOD.GET && this.requestDone;
  }

  /** Its own server is full, and it cannot wait: any other one is better than none. */
  private impatient(pool: Pool): ServerRuntime | null {
    if (pool.refusal !== Refusal.Full || pool.persistence === null) return null;
    asker.patient = false;
    return pool.choose(asker, null);
  }

  /** Keeps what is there of the request, which is in `forwarded`, and what a backup pool will have to know. */
  private wait(pool: Pool | null, head: Head, b: Uint8Array): void {
    const { start, bodyAt, end } = forwarded;
    const backup = failActionOf(pool, this.group)?.backup ?? null;
    if (backup !== null && backup.hash !== null && pool?.hash === null)
      this.hashKey = requestKey(backup.hash, this, requestMessage.of(b, head));
    this.attempts = 0;
    this.keep(forwarded.b, start, end);
    this.replay!.bodyAt = bodyAt - start;
    if (!this.requestDone) this.pauseRequest();
  }

  tryPlace(): boolean {
    const room = this.room!;
    const pool = room.pool ?? poolFor(this.connection.placement.service.config);
    const server = this.chooseAgain(pool);
    if (server === null && pool?.refusal === Refusal.Full && pool.room !== null) return false;
    this.room = null;
    if (server === null) {
      room.left(this);
      this.turnedAway(pool);
      return true;
    }
    room.placed(this);
    this.sendKept(server, pool);
    return true;
  }

  private chooseAgain(pool: Pool | null): ServerRuntime | null {
    this.ask();
    const { wanted } = this;
    if (wanted === null) return pool?.choose(asker, null) ?? null;
    return wanted.pool?.mayUse(wanted) === true ? wanted.pool.admit(wanted, asker) : null;
  }

  waitedInVain(expected: boolean): void {
    const room = this.room!;
    if (expected && room.wait(this, this.mayQueue, false)) return;
    this.room = null;
    const { pool } = room;
    if (pool !== null && pool.room !== null) pool.refusal = Refusal.Full;
    this.ask();
    const other = pool === null ? null : this.impatient(pool);
    if (other !== null) {
      this.sendKept(other, pool);
      return;
    }
    room.refused();
    this.turnedAway(pool);
  }

  /** It has waited, and there is no server in its pool: what is left is the pool's fail action. */
  private turnedAway(pool: Pool | null): void {
    this.ask();
    const instead = chooseBackup(failActionOf(pool, this.group), () => this.hashKey);
    if (instead !== null) this.sendKept(instead, pool);
    else nowhere(this, pool);
  }

  /** Sends what was kept of a request that has waited. */
  private sendKept(server: ServerRuntime, pool: Pool | null): void {
    this.attempts++;
    this.judged = false;
    this.replayable = true;
    this.forwardedAt = this.connection.context.transport.now();
    this.pool = server.pool;
    if (server.pool !== pool && server.pool?.tls !== null)
      this.serverName = server.pool?.tls.nameFor(this.keptHost()) ?? '';
    if (this.clientHost !== null || server.pool!.hosts !== null) this.tellAgain(server);
    const link = server.pool!.protocol.take(this.connection.context, server, this, this.mayReuse);
    this.link = link;
    if (link.ready) this.linkReady(link);
  }

  private keptHost(): string {
    const { replay } = this;
    if (replay === null) return '';
    const line = hostLineOf(replay.bytes(), 0, replay.bodyAt);
    return line === null ? '' : Buffer.from(line).toString('latin1', HOST.length).trim();
  }

  protected override over(): void {
    const { room } = this;
    if (room !== null) {
      this.room = null;
      room.left(this);
    }
    super.over();
  }

  override heldBytes(): number {
    return (this.replay?.length ?? 0) + super.heldBytes();
  }

  private keep(b: Uint8Array, start: number, end: number): void {
    this.replay ??= Replay.take(end - start);
    this.replay.append(b, start, end);
  }

  protected override forget(): void {
    this.replayable = false;
    this.replay?.release();
    this.replay = null;
  }

  override linkReady(link: HttpServerLink): void {
    this.forwardedAt = this.connection.context.transport.now();
    const replay = this.replay!;
    if (link.reused && !this.idempotent) this.sentAt = this.forwardedAt;
    const taken = link.begin(replay.bytes(), 0, replay.bodyAt, replay.length);
    if (replay.length > MOST_REPLAY) this.forget();
    if (taken) this.serverTakes();
  }

  override responseCame(link: HttpServerLink, head: Head): boolean {
    this.judged = true;
    link.server.answered(head.status, this.config!.errors);
    const reselect = link.server.pool?.reselect ?? null;
    if (reselect === null) return true;
    const other =
      reselect.isFailure(head.status) && this.mayReselect(reselect) ? this.untried(link.server) : null;
    if (other === null) {
      this.forget();
      return true;
    }
    this.link = null;
    this.repeat(other);
    return false;
  }

  /** The request, which may have reached its server, may go to another one. */
  private mayReselect(reselect: Reselect): boolean {
    return (
      this.tries <= reselect.retries &&
      !this.responseStarted &&
      !this.binds &&
      this.replayable &&
      this.replay !== null &&
      (reselect.nonidempotent || this.idempotent)
    );
  }

  /** Servers that have been given the request. */
  private get tries(): number {
    return (this.tried?.length ?? 0) + 1;
  }

  /** A server that has not been tried yet, after one that has failed. */
  private untried(failed: ServerRuntime): ServerRuntime | null {
    this.tried ??= [];
    if (!this.tried.includes(failed)) this.tried.push(failed);
    // Where whatever is dead can be tried again there is no need for a new connection.
    this.mayReuse = this.replay !== null;
    return (failed.pool ?? this.poolNow(failed))?.chooseOther(this.ask(), this.tried) ?? null;
  }

  /** The server has not seen the request: one that has not been tried yet, or else this one again. */
  private afresh(server: ServerRuntime): ServerRuntime | null {
    const { pool } = server;
    if (pool === null || pool.reselect === null) return null;
    this.mayReuse = false;
    const client = this.ask();
    if (this.known?.server === server && pool.mayUse(server)) return pool.admit(server, client);
    const other = pool.chooseOther(client, [...(this.tried ?? []), server]);
    return other ?? (pool.mayUse(server) ? pool.admit(server, client) : null);
  }

  protected override tryTimeout(reselect: Reselect): number {
    const repeatable = !this.binds && this.replayable && (reselect.nonidempotent || this.idempotent);
    return repeatable ? reselect.timeout : 0;
  }

  /**
   * The link cannot serve the request (any more) and has let go of it. The request goes to another connection when
   * nothing of a response has come and all that was sent is at hand, and: the server was never reached, or the
   * method may be repeated (RFC 9110 section 9.2.2), or a kept connection turns out to have been closed before the
   * request could reach the server.
   */
  override linkFailed(link: HttpServerLink, failure: Failure): void {
    link.server.failed(failure.kind);
    if (isFault(link, failure)) link.server.fault(failure.kind, this.config!.errors, !this.judged);
    this.link = null;
    // Nobody has failed: what is moved by changes of the configuration has as many tries as before.
    if (failure === FAILED.gone && this.attempts > 0) this.attempts--;
    const { server } = link;
    const reselect = server.pool?.reselect ?? null;
    const again = this.mayRepeat(link, failure) && (reselect === null || isNobodys(link, failure));
    const goesOn = !again && reselect !== null && failure !== FAILED.gone && this.mayGoOn(link, reselect);
    const other = again
      ? (this.afresh(server) ?? this.another(server, isFault(link, failure)))
      : goesOn
        ? this.untried(server)
        : null;
    if (other !== null) this.repeat(other);
    else if (!again || !this.mayWait(link.server.pool))
      this.serverFailed(failure, failure === FAILED.gone && link.ready);
  }

  /** A server has failed the request, and it may go to one that has not had it. */
  private mayGoOn(link: HttpServerLink, reselect: Reselect): boolean {
    return link.ready ? this.mayReselect(reselect) : this.tries <= reselect.retries;
  }

  private mayRepeat(link: HttpServerLink, failure: Failure): boolean {
    const elsewhere = this.tried === null ? 0 : this.tried.length;
    if (link.answering || this.attempts - elsewhere >= MOST_ATTEMPTS || !failure.repeatable) return false;
    if (!link.ready) return true;
    if (!this.replayable || this.replay === null) return false;
    if (this.idempotent || link.unprocessed === true) return true;
    // The server was taken out while it may have been at work on the request.
    if (failure === FAILED.gone) return false;
    return link.reused && this.connection.context.transport.now() - this.sentAt < STALE_WITHIN;
  }

  /**
   * Another server for the request that `failed` could not serve: of its pool as it is now, not as it was when the
   * request began, since the change may be the very reason.
   */
  private another(failed: ServerRuntime, fault: boolean): ServerRuntime | null {
    this.mayReuse = false;
    this.ask();
    // Whoever belongs to a server is not moved because a kept connection had ended there.
    const avoid = this.known !== null && !fault ? null : failed;
    return failed.pool?.choose(asker, avoid) ?? this.poolNow(failed)?.choose(asker, avoid) ?? null;
  }

  private poolNow(failed: ServerRuntime): Pool | null {
    const { config } = this.connection.placement.service;
    // What rules sent elsewhere must not come to the pool that they kept it from.
    return this.routed ? (config.targets.pools.get(failed.pool?.spec.uuid ?? '') ?? null) : poolFor(config);
  }

  private repeat(server: ServerRuntime): void {
    server.count(SERVER.RETRIES, 1);
    this.attempts++;
    this.judged = false;
    this.replayable = true;
    this.forwardedAt = this.connection.context.transport.now();
    if (this.clientHost !== null || server.pool!.hosts !== null) this.tellAgain(server);
    const link = server.pool!.protocol.take(this.connection.context, server, this, this.mayReuse);
    this.link = link;
    if (link.ready) this.linkReady(link);
  }

  /** @param reset the client's connection ends with what was begun at the server (pools document, Disable, Remove) */
  private serverFailed({ status, reason, kind }: Failure, reset: boolean): void {
    if (!this.responseStarted && !reset) {
      this.answer(plainResponse(status, reason, OWN_FOR[kind]));
      return;
    }
    if (this.responseStarted) this.connection.count(VS.TRUNCATED, 1);
    if (reset && this.ownSocket) this.connection.because(CLOSED_BY.SERVER);
    this.over();
    this.cut();
  }
}

/** What the server never saw may come to it again; what it was taken out with is nobody's failure. */
const isNobodys = (link: HttpServerLink, failure: Failure): boolean =>
  failure === FAILED.gone || (link.ready && (link.reused || link.unprocessed === true));
