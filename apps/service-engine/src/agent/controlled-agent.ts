import { randomUUID } from 'node:crypto';
import type { ServerVerdict } from '@spillway/health';
import type { ConfigChange, se } from '@spillway/protocol';
import { parseFragment, SnapshotError, type Delta, type Fragment, type Snapshot } from '@spillway/snapshot';
import { HostDistribution, probeModes, sysctlAdvice } from '@spillway/vip';
import { Channel } from '../channel/channel.js';
import { adviceOf, heartbeat, hostOf, modesOf, statusParts, version } from '../channel/encode.js';
import { enrol, EnrolmentError, renewExpired } from '../channel/enrolment.js';
import {
  freshness,
  MOST_RENEWAL_PAUSE,
  newKey,
  newRequest,
  renewalPause,
  type IdentityStore,
  type SeIdentity,
} from '../channel/identity.js';
import { TokenSource } from '../channel/token-source.js';
import type { Logger } from '../log/logger.js';
import { afterDelta, candidateOf, NOTHING, Refused, type Candidate } from './candidate.js';
import type { ObservedPlacement } from './placement-state.js';
import type { Runtime } from './runtime.js';
import type { Shell, ShellEvents } from './shell.js';
import type { SnapshotStore } from './snapshot-store.js';

/** With a snapshot on disk the controller is asked first, at most so long. */
const ASK = 1_000;
/** A controller that says nothing so long after its Welcome has nothing newer. */
const SILENCE = 250;
/** What changes together is told together. */
const STATUS_PAUSE = 5;
/** An SE that stops gives the controller so long to place its virtual services elsewhere. */
const EVACUATION = 2_000;

/** An SE of a cluster: enrols, attaches, runs what the controller says, and reports. */
export class ControlledAgent implements ShellEvents {
  shell!: Shell;
  readonly #bootId = randomUUID();
  readonly #channel: Channel;
  #identity: SeIdentity | undefined;
  /** For the first certificate; the same for every attempt. */
  readonly #newKey = newKey();
  #tokens: TokenSource | undefined;
  #runtime: Runtime | undefined;
  /** From the disk, until something is live. */
  #kept: Snapshot | undefined;
  #first: (() => void) | undefined;
  #welcomed: (() => void) | undefined;
  #heartbeats = 0;
  #heartbeatTimer: ReturnType<typeof setInterval> | undefined;
  #statusTimer: ReturnType<typeof setTimeout> | undefined;
  #fullStatus = true;
  #placements = new Map<string, ObservedPlacement>();
  #servers = new Map<string, ServerVerdict>();
  #stopping = false;
  #elsewhere: (() => void) | undefined;

  constructor(
    private readonly identities: IdentityStore,
    private readonly snapshots: SnapshotStore,
  ) {
    this.#channel = new Channel(
      {
        hello: () => this.#hello(),
        onWelcome: (welcome) => this.#onWelcome(welcome),
        onConfig: (change) => void this.#onConfig(change),
        onRelease: (reason) => void this.#onRelease(reason),
        onClosed: () => this.#onClosed(),
        identity: () => this.#currentIdentity(),
      },
      // The shell is there before the channel is opened.
      {
        info: (m, f) => this.shell.log.part('channel').info(m, f),
        warn: (m, f) => this.shell.log.part('channel').warn(m, f),
        error: (m, f) => this.shell.log.part('channel').error(m, f),
        part: (name) => this.shell.log.part(name),
      },
    );
  }

  /** Serves the newer of what the controller and the disk have. */
  async start(): Promise<void> {
    this.#identity = this.identities.load();
    this.#kept = this.snapshots.load();
    const first = new Promise<void>((resolve) => {
      this.#first = resolve;
    });
    const welcomed = new Promise<void>((resolve) => {
      this.#welcomed = resolve;
    });
    const attempt = this.#channel.open();
    if (this.#kept !== undefined) {
      const silence = welcomed.then(() => delay(SILENCE));
      // Refused at once: nobody to wait for.
      const refused = attempt.then(() =>
        this.#channel.connected ? new Promise<void>(() => undefined) : undefined,
      );
      await Promise.race([first, silence, refused, delay(ASK)]);
      await this.#serveKept();
    }
    await attempt;
    this.#renewLater();
  }

  save = async (snapshot: Snapshot): Promise<void> => this.snapshots.save(snapshot);

  onPlacements = (changed: ObservedPlacement[]): void => {
    for (const p of changed) this.#placements.set(`${p.virtualServiceUuid}#${p.vipId}`, p);
    this.#tellSoon();
  };

  onServers = (changed: ServerVerdict[]): void => {
    for (const v of changed) this.#servers.set(v.key, v);
    this.#tellSoon();
  };

  onReload = (): void => undefined;

  onStop = (): void => {
    void this.#stop();
  };

  async #stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const timeouts = this.#runtime?.candidate?.snapshot.placements.map((p) => p.drain_timeout) ?? [];
    const drainTimeoutMs = Math.max(0, ...timeouts);
    if (this.#channel.send({ $case: 'stopping', value: { drainTimeoutMs } }) && !this.#isElsewhere())
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#elsewhere = resolve;
        }),
        delay(EVACUATION),
      ]);
    await this.shell.end('it was told to stop', async () => {
      this.#tell();
      await this.#channel.close();
    });
  }

  /** No placement is wanted here any more. */
  #isElsewhere(): boolean {
    return this.#runtime?.candidate?.snapshot.placements.every((p) => p.state === 'drain') !== false;
  }

  async #onRelease(reason: string): Promise<void> {
    this.shell.log.info('released by the controller', { reason });
    this.#stopping = true;
    await this.shell.end(`released: ${reason}`, async () => {
      await this.#channel.close();
      this.snapshots.clear();
      this.identities.clear();
    });
  }

  async #hello(): Promise<se.Hello> {
    const identity = await this.#currentIdentity();
    const live = this.#runtime?.candidate?.snapshot ?? this.#kept;
    this.#fullStatus = true;
    return {
      seUuid: identity.seUuid,
      seName: identity.seName,
      version: version(),
      bootId: this.#bootId,
      epoch: live?.epoch ?? 0,
      generation: live?.generation ?? 0,
      host: hostOf(this.shell.supervisor, this.shell.options.workers),
      modes: modesOf(await probeModes([probingHost])),
      advice: adviceOf(sysctlAdvice(this.shell.options.tune)),
    };
  }

  #onWelcome(welcome: se.Welcome): void {
    this.shell.connected = true;
    this.#welcomed?.();
    clearInterval(this.#heartbeatTimer);
    this.#heartbeatTimer = setInterval(() => this.#beat(), Math.max(50, welcome.heartbeatIntervalMs));
    this.#beat();
    this.#tellSoon();
  }

  #onClosed(): void {
    this.shell.connected = false;
    clearInterval(this.#heartbeatTimer);
    this.#elsewhere?.();
  }

  async #onConfig(change: ConfigChange): Promise<void> {
    const { epoch, generation } = change;
    try {
      const put = change.put.map((f) => decode(f.type, f.key, f.body));
      // A delta is told against what this SE said it runs, which may still lie on the disk.
      if (!change.full) await this.#serveKept();
      await this.#apply((before) => build(before, change, { put, remove: [...change.remove] }));
      this.#channel.send({ $case: 'ack', value: { epoch, generation } });
    } catch (error) {
      const nack = refusalOf(error);
      this.shell.log.error('a change was refused', { generation, ...nack });
      this.#channel.send({ $case: 'nack', value: { epoch, generation, ...nack } });
    }
    this.#first?.();
    if (this.#stopping && this.#isElsewhere()) this.#elsewhere?.();
  }

  async #serveKept(): Promise<void> {
    const kept = this.#kept;
    if (kept === undefined || this.#runtime?.candidate !== undefined) return;
    try {
      await this.#apply((before) => before ?? candidateOf(kept, undefined));
      this.shell.log.info('serving from disk', { generation: kept.generation });
    } catch (error) {
      this.shell.log.error('the snapshot on disk cannot be run', { error });
    }
  }

  async #apply(make: (before: Candidate | undefined) => Candidate): Promise<void> {
    let runtime = this.#runtime;
    if (runtime === undefined) {
      const { settings } = make(undefined).snapshot;
      runtime = this.shell.runtime(settings);
      this.#runtime = runtime;
    }
    await runtime.apply((before) => {
      const next = make(before);
      this.shell.follow(next.snapshot.settings);
      return next;
    });
    this.#forgetGone(runtime);
    this.shell.report({ type: 'started', listeners: runtime.listeners(), failures: [] });
    this.#tellSoon();
  }

  /** What is not in the snapshot any more is not told any more. */
  #forgetGone(runtime: Runtime): void {
    const placements = new Set(runtime.placements.map((p) => `${p.virtualServiceUuid}#${p.vipId}`));
    for (const key of this.#placements.keys()) if (!placements.has(key)) this.#placements.delete(key);
    const servers = new Set(runtime.servers.map((v) => v.key));
    for (const key of this.#servers.keys()) if (!servers.has(key)) this.#servers.delete(key);
  }

  #tellSoon(): void {
    if (this.#statusTimer !== undefined || !this.#channel.connected) return;
    this.#statusTimer = setTimeout(() => this.#tell(), STATUS_PAUSE);
  }

  #tell(): void {
    this.#statusTimer = undefined;
    const runtime = this.#runtime;
    if (runtime?.candidate === undefined) return;
    const full = this.#fullStatus;
    const placements = full ? runtime.placements : [...this.#placements.values()];
    const servers = full ? runtime.servers : [...this.#servers.values()];
    if (!full && placements.length === 0 && servers.length === 0) return;
    const parts = statusParts(full, placements, servers, full ? sysctlAdvice(false) : []);
    let sent = true;
    for (const value of parts) sent = this.#channel.send({ $case: 'status', value }) && sent;
    if (!sent) return;
    this.#fullStatus = false;
    this.#placements.clear();
    this.#servers.clear();
  }

  #beat(): void {
    const { shell } = this;
    this.#channel.send({
      $case: 'heartbeat',
      value: heartbeat(++this.#heartbeats, {
        usage: shell.usage(),
        openConnections: shell.openConnections(),
        services: shell.counters?.services() ?? [],
        servers: shell.counters?.servers() ?? [],
        workers: shell.workers,
      }),
    });
  }

  /** Enrols where that has not been done, and renews a certificate that ran out. */
  async #currentIdentity(): Promise<SeIdentity> {
    const { controllers } = this.shell.options;
    const log = this.shell.log.part('enrolment');
    const known = this.#identity;
    if (known !== undefined && freshness(known.certificatePem, Date.now()) !== 'expired') return known;
    const fresh = known === undefined ? await this.#enrol(log) : await renewExpired(known, controllers, log);
    this.identities.save(fresh);
    this.#identity = fresh;
    log.info(known === undefined ? 'enrolled' : 'renewed an expired certificate', { se: fresh.seName });
    return fresh;
  }

  async #enrol(log: Logger): Promise<SeIdentity> {
    const { controllers, enrolmentToken, enrolmentTokenFile, seName } = this.shell.options;
    this.#tokens ??= new TokenSource(enrolmentToken, enrolmentTokenFile);
    const token = this.#tokens.next();
    try {
      return await enrol(controllers, token, this.#newKey, seName, log);
    } catch (error) {
      if (error instanceof EnrolmentError) this.#tokens.refused(token);
      throw error;
    }
  }

  /** Looks again when the certificate should be renewed, or was tried in vain a while ago. */
  #renewLater(): void {
    const pem = this.#identity?.certificatePem;
    const pause = pem === undefined ? MOST_RENEWAL_PAUSE : renewalPause(pem, Date.now());
    setTimeout(() => {
      void this.#renewSoon().finally(() => this.#renewLater());
    }, pause).unref();
  }

  async #renewSoon(): Promise<void> {
    const identity = this.#identity;
    if (identity === undefined || !this.#channel.connected) return;
    if (freshness(identity.certificatePem, Date.now()) === 'fresh') return;
    try {
      const reply = await this.#channel.renew(await newRequest(identity.keyPem, identity.seUuid));
      this.#identity = { ...identity, certificatePem: reply.certificatePem, caPem: reply.caPem };
      this.identities.save(this.#identity);
      this.shell.log.info('renewed the certificate');
    } catch (error) {
      this.shell.log.warn('the certificate could not be renewed, it is tried again', { error });
    }
  }
}

/** Only asked what it can do. */
const probingHost = new HostDistribution({ clusterUuid: '', seUuid: '', seName: '' });

const delay = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

function decode(type: string, key: string, body: Uint8Array): Fragment {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw new SnapshotError(`${type}/${key}`, 'the body is not JSON');
  }
  return parseFragment(type, key, value);
}

function build(before: Candidate | undefined, change: ConfigChange, delta: Delta): Candidate {
  const { epoch, generation, full } = change;
  if (!full && before === undefined) throw new Refused('NO_BASE', 'a delta came before a whole snapshot');
  if (!full) return afterDelta(before ?? NOTHING, delta, epoch, generation);
  // Fragments that did not change stay the same objects, so that the workers are not told them again.
  return candidateOf(afterDelta(NOTHING, delta, epoch, generation).snapshot, before);
}

function refusalOf(error: unknown): { code: string; reason: string; path: string } {
  if (error instanceof Refused) return { code: error.code, reason: error.reason, path: error.path };
  if (error instanceof SnapshotError) return { code: error.code, reason: error.detail, path: error.path };
  return { code: 'SE_ERROR', reason: error instanceof Error ? error.message : String(error), path: '' };
}
