import { randomUUID } from 'node:crypto';
import type { ServerVerdict } from '@spillway/health';
import type { ConfigChange, se } from '@spillway/protocol';
import type { Snapshot } from '@spillway/snapshot';
import { HostDistribution, probeModes, sysctlAdvice } from '@spillway/vip';
import { candidateAfter, deltaOf, refusalOf } from '../channel/change.js';
import { Channel } from '../channel/channel.js';
import { adviceOf, hostOf, inspectionParts, modesOf, version } from '../channel/encode.js';
import { CountsReporter, monitorParts, shownServers } from '../channel/monitors.js';
import { Membership } from '../channel/membership.js';
import { IdentityStore } from '../channel/identity.js';
import { Reporter } from '../channel/reporter.js';
import { limitAdvice } from '../process/limits.js';
import { MOST_DESCRIBED } from './metrics-server.js';
import { candidateOf, type Candidate } from './candidate.js';
import type { ObservedPlacement } from './placement-state.js';
import type { Runtime } from './runtime.js';
import type { Shell, ShellEvents } from './shell.js';
import { SnapshotStore } from './snapshot-store.js';

/** With a snapshot on disk the controller is asked first, at most so long. */
const ASK = 1_000;
/** A controller that says nothing so long after its Welcome has nothing newer. */
const SILENCE = 250;
/** An SE that stops gives the controller so long to place its virtual services elsewhere. */
const EVACUATION = 2_000;

/** An SE of a cluster: enrols, attaches, runs what the controller says, and reports. */
export class ControlledAgent {
  readonly #bootId = randomUUID();
  readonly #shell: Shell;
  readonly #snapshots: SnapshotStore;
  readonly #membership: Membership;
  readonly #channel: Channel;
  readonly #reporter: Reporter;
  readonly #counts: CountsReporter;
  #runtime: Runtime | undefined;
  /** From the disk, until something is live. */
  #kept: Snapshot | undefined;
  readonly #first = Promise.withResolvers<void>();
  readonly #welcomed = Promise.withResolvers<void>();
  readonly #elsewhere = Promise.withResolvers<void>();
  #stopping = false;

  constructor(dir: string, makeShell: (events: ShellEvents) => Shell) {
    this.#shell = makeShell({
      save: (snapshot) => this.#snapshots.save(snapshot),
      onPlacements: (changed: ObservedPlacement[]) => this.#reporter.placements(changed),
      onServers: (changed: ServerVerdict[]) => this.#reporter.servers(changed),
      onPeerNews: (body) => this.#channel.send(body),
      onStop: () => void this.#stop(),
      onReload: () => undefined,
    });
    const { log, options } = this.#shell;
    this.#snapshots = new SnapshotStore(dir, log);
    this.#membership = new Membership(new IdentityStore(dir), options, log.part('enrolment'));
    this.#channel = new Channel(
      {
        identity: () => this.#membership.current(),
        hello: () => this.#hello(),
        onWelcome: (welcome) => this.#onWelcome(welcome),
        onConfig: (change) => void this.#onConfig(change),
        onRelease: (reason) => void this.#onRelease(reason),
        onInspect: (question) => void this.#onInspect(question),
        onInspectMonitors: (question) => this.#onInspectMonitors(question),
        onPeerNews: (news) => this.#shell.peerNews.heard(news),
        onClosed: () => this.#onClosed(),
      },
      log.part('channel'),
    );
    this.#reporter = new Reporter(
      (body) => this.#channel.send(body),
      () => this.#everything(),
      (withTimes) => this.#shell.load(withTimes),
    );
    this.#counts = new CountsReporter(
      () => this.#runtime?.takeCheckCounts() ?? [],
      (value) => this.#channel.send({ $case: 'monitorCounts', value }),
    );
  }

  /** Serves the newer of what the controller and the disk have. */
  async start(): Promise<void> {
    await this.#shell.open();
    this.#kept = this.#snapshots.load();
    const attempt = this.#channel.open();
    if (this.#kept !== undefined) {
      const silence = this.#welcomed.promise.then(() => delay(SILENCE));
      // Refused at once: nobody to wait for.
      const refused = attempt.then(() => (this.#channel.connected ? delay(ASK) : undefined));
      await Promise.race([this.#first.promise, silence, refused, delay(ASK)]);
      await this.#serveKept();
    }
    await attempt;
    this.#membership.keepFresh((csrPem) =>
      this.#channel.connected ? this.#channel.renew(csrPem) : undefined,
    );
  }

  async #stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const timeouts = this.#runtime?.candidate?.snapshot.placements.map((p) => p.drain_timeout) ?? [];
    const drainTimeoutMs = Math.max(0, ...timeouts);
    const told = this.#channel.send({ $case: 'stopping', value: { drainTimeoutMs } });
    if (told && !this.#isElsewhere()) await Promise.race([this.#elsewhere.promise, delay(EVACUATION)]);
    await this.#shell.end('it was told to stop', async () => {
      this.#reporter.now();
      await this.#channel.close();
    });
  }

  /** No placement is wanted here any more. */
  #isElsewhere(): boolean {
    return this.#runtime?.candidate?.snapshot.placements.every((p) => p.state === 'drain') !== false;
  }

  async #onInspect({ id, virtualServiceUuid, limit }: se.Inspect): Promise<void> {
    const found = await this.#shell.links.describe(
      Math.min(Math.max(limit, 1), MOST_DESCRIBED),
      virtualServiceUuid === '' ? undefined : virtualServiceUuid,
    );
    for (const value of inspectionParts(id, found)) this.#channel.send({ $case: 'inspection', value });
  }

  #onInspectMonitors({ id, poolUuid, server }: se.InspectMonitors): void {
    const reports = this.#runtime?.monitorReports(poolUuid, server) ?? new Map();
    for (const value of monitorParts(id, shownServers(reports, server !== '')))
      this.#channel.send({ $case: 'inspection', value });
  }

  async #onRelease(reason: string): Promise<void> {
    this.#shell.log.info('released by the controller', { reason });
    this.#stopping = true;
    await this.#shell.end(`released: ${reason}`, async () => {
      await this.#channel.close();
      this.#snapshots.clear();
      this.#membership.forget();
    });
  }

  async #hello(): Promise<se.Hello> {
    const { supervisor, options } = this.#shell;
    const { seUuid, seName } = await this.#membership.current();
    const live = this.#runtime?.candidate?.snapshot ?? this.#kept;
    return {
      seUuid,
      seName,
      version: version(),
      bootId: this.#bootId,
      epoch: live?.epoch ?? 0,
      generation: live?.generation ?? 0,
      host: hostOf(supervisor, options.workers),
      modes: modesOf(await probeModes([probingHost])),
      advice: adviceOf([...sysctlAdvice(options.tune), ...limitAdvice(options.workers)]),
    };
  }

  #onWelcome(welcome: se.Welcome): void {
    this.#shell.connected = true;
    this.#welcomed.resolve();
    this.#reporter.opened(welcome.heartbeatIntervalMs);
    this.#counts.opened();
    this.#shell.peerNews.opened();
  }

  #onClosed(): void {
    this.#shell.connected = false;
    this.#reporter.closed();
    this.#counts.closed();
    this.#shell.peerNews.closed();
    if (this.#stopping) this.#elsewhere.resolve();
  }

  #everything() {
    const runtime = this.#runtime;
    if (runtime?.candidate === undefined) return undefined;
    return {
      placements: runtime.placements,
      servers: runtime.servers,
      advice: [...sysctlAdvice(false), ...limitAdvice(this.#shell.options.workers)],
    };
  }

  async #onConfig(change: ConfigChange): Promise<void> {
    const { epoch, generation } = change;
    try {
      const delta = deltaOf(change);
      // A delta is told against what this SE said it runs, which may still lie on the disk.
      if (!change.full) await this.#serveKept();
      await this.#apply((before) => candidateAfter(before, change, delta));
      this.#channel.send({ $case: 'ack', value: { epoch, generation } });
    } catch (error) {
      const nack = refusalOf(error);
      this.#shell.log.error('a change was refused', { generation, ...nack });
      this.#channel.send({ $case: 'nack', value: { epoch, generation, ...nack } });
      // What was on the disk could not be run: another Hello says so, and asks for everything.
      if (nack.code === 'NO_BASE') this.#channel.reopen();
    }
    this.#first.resolve();
    if (this.#stopping && this.#isElsewhere()) this.#elsewhere.resolve();
  }

  async #serveKept(): Promise<void> {
    const kept = this.#kept;
    if (kept === undefined || this.#runtime?.candidate !== undefined) return;
    try {
      await this.#apply((before) => before ?? candidateOf(kept, undefined));
      this.#shell.log.info('serving from disk', { generation: kept.generation });
    } catch (error) {
      this.#kept = undefined;
      this.#shell.log.error('the snapshot on disk cannot be run', { error });
    }
  }

  async #apply(make: (before: Candidate | undefined) => Candidate): Promise<void> {
    this.#runtime ??= this.#shell.runtime(make(undefined).snapshot.settings);
    const runtime = this.#runtime;
    await runtime.apply((before) => {
      const next = make(before);
      this.#shell.follow(next.snapshot.settings);
      return next;
    });
    this.#shell.report({ type: 'started', listeners: runtime.listeners(), failures: [] });
    this.#reporter.soon();
  }
}

/** Only asked what it can do. */
const probingHost = new HostDistribution({ clusterUuid: '', seUuid: '', seName: '' });

const delay = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
