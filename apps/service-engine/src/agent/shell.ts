import type { ServerVerdict } from '@spillway/health';
import type { se } from '@spillway/protocol';
import type { Settings, Snapshot } from '@spillway/snapshot';
import { HEADER, openMapping, WORKER_F64, type Mapping } from '@spillway/telemetry';
import { HostDistribution } from '@spillway/vip';
import type { AgentReport, SupervisorOrder, WorkerRecord } from '../ipc/messages.js';
import type { Logger } from '../log/logger.js';
import { PeerNews } from '../peer-news/peer-news.js';
import type { Options } from '../settings/options.js';
import { runtimeFiles } from '../supervisor/runtime-dir.js';
import { Counters } from './counters.js';
import { PoolCounts } from './pool-counters.js';
import { MetricsServer } from './metrics-server.js';
import { renderMetrics, type WorkerGauges } from './metrics.js';
import type { ObservedPlacement } from './placement-state.js';
import type { Throttle } from './passive-pool.js';
import { NO_PERSISTENCE } from './persistence-board.js';
import { Runtime } from './runtime.js';
import { Slots } from './slots.js';
import { UsageMeter } from './usage.js';
import type { Load } from '../channel/encode.js';
import { WorkerLinks } from './worker-links.js';

const keyOf = ({ poolUuid, server }: Throttle): string => `${poolUuid}/${server}`;
const hundredths = (n: number): number => Math.round(n * 100) / 100;

/** Milliseconds between two lines about the same drain. */
const COUNT_LOG_PAUSE = 500;

export interface ShellEvents {
  save: (snapshot: Snapshot) => Promise<void>;
  onPlacements: (changed: ObservedPlacement[]) => void;
  onServers: (changed: ServerVerdict[]) => void;
  /** News for other SEs; false when they cannot be sent. */
  onPeerNews: (body: { $case: 'peerNews'; value: se.PeerNews }) => boolean;
  onStop: () => void;
  onReload: () => void;
}

/** Who this SE is: claims are made in its name, so it is settled before anything is applied. */
export type Identity = Pick<Settings, 'se_uuid' | 'se_name' | 'cluster_uuid'>;

/**
 * What an agent is made of whoever tells it what to run: the mapping, the workers, the supervisor, `/metrics`, and
 * the runtime.
 */
export class Shell {
  readonly mapping: Mapping;
  readonly links: WorkerLinks;
  readonly peerNews: PeerNews;
  workers: WorkerRecord[] = [];
  connected = false;
  #runtime: Runtime | undefined;
  #counters: Counters | undefined;
  #pools: PoolCounts | undefined;
  #frequency = 100;
  #beat: ReturnType<typeof setInterval>;
  #metrics: MetricsServer | undefined;
  /** Servers of which a failure was logged. */
  readonly #troubled = new Set<string>();
  /** Servers of which was logged that they are held back. */
  readonly #throttled = new Set<string>();
  /** By placement: what was logged last. */
  readonly #logged = new Map<string, { text: string; at: number }>();
  readonly #meter: UsageMeter;
  readonly #metricsMeter: UsageMeter;
  readonly #files: ReturnType<typeof runtimeFiles>;

  constructor(
    readonly options: Options,
    runtimeDir: string,
    readonly supervisor: number,
    private readonly checkParent: () => void,
    readonly log: Logger,
    private readonly events: ShellEvents,
  ) {
    this.#files = runtimeFiles(runtimeDir);
    this.mapping = openMapping(this.#files.mapping);
    Atomics.store(this.mapping.i32, HEADER.AGENT_PID, process.pid);
    this.#beat = setInterval(() => this.#tick(), this.#frequency);
    this.links = new WorkerLinks(() => this.#runtime?.onWorkers());
    this.peerNews = new PeerNews(events.onPeerNews, () => this.#runtime?.onWorkers());
    this.#meter = new UsageMeter(options.workers);
    this.#metricsMeter = new UsageMeter(options.workers);
    process.on('message', (message: unknown) => this.#hear(message as SupervisorOrder));
  }

  async open(): Promise<void> {
    await this.links.listen(this.#files.socket);
    const { metricsListen } = this.options;
    if (metricsListen === undefined) return;
    const server = new MetricsServer({
      metrics: () => this.#renderMetrics(),
      connections: (limit, virtualService) => this.links.describe(limit, virtualService),
    });
    try {
      const address = await server.listen(metricsListen.host, metricsListen.port);
      this.#metrics = server;
      this.report({ type: 'metrics', address });
    } catch (error) {
      this.log.error('metrics cannot be served', { listen: metricsListen, error });
    }
  }

  report(report: AgentReport): void {
    process.send?.(report);
  }

  /** The runtime, made with the first identity that is known. */
  runtime(identity: Identity): Runtime {
    if (this.#runtime !== undefined) return this.#runtime;
    const slots = new Slots(this.mapping, this.#files.slots);
    this.#runtime = new Runtime({
      mapping: this.mapping,
      links: this.links,
      peerNews: this.peerNews,
      seUuid: identity.se_uuid,
      distribution: new HostDistribution({
        clusterUuid: identity.cluster_uuid,
        seUuid: identity.se_uuid,
        seName: identity.se_name,
        isOwnProcess: (pid, parent) => parent === this.supervisor || this.workers.some((w) => w.pid === pid),
        onTrouble: (text) => this.log.warn(text),
      }),
      slots,
      save: this.events.save,
      log: this.log,
      onPlacements: (changed) => {
        for (const p of changed) this.#logPlacement(p);
        this.events.onPlacements(changed);
      },
      onServers: (changed) => {
        for (const v of changed) this.#logServer(v);
        this.events.onServers(changed);
      },
      onThrottles: (changed) => {
        for (const t of changed) this.#logThrottle(t);
      },
    });
    this.#counters = new Counters(this.mapping, slots.services, slots.servers);
    this.#pools = new PoolCounts(this.mapping, slots.pools);
    return this.#runtime;
  }

  get runtimeOrNone(): Runtime | undefined {
    return this.#runtime;
  }

  /** Beat and fence follow the settings of the SE group. */
  follow(settings: Settings): void {
    if (settings.dp_hb_frequency !== this.#frequency) {
      this.#frequency = settings.dp_hb_frequency;
      clearInterval(this.#beat);
      this.#beat = setInterval(() => this.#tick(), this.#frequency);
    }
    this.report({
      type: 'settings',
      se_uuid: settings.se_uuid,
      fence_dir: `/dev/shm/spillway-${settings.cluster_uuid}`,
      dp_hb_frequency: settings.dp_hb_frequency,
      dp_hb_timeout_count: settings.dp_hb_timeout_count,
    });
  }

  /** How busy the SE is, for a heartbeat. */
  load(withTimes: boolean): Load {
    return {
      usage: this.#meter.measure(this.#pids()),
      services: this.#counters?.services(withTimes) ?? [],
      servers: this.#counters?.servers() ?? [],
      pools: this.#pools?.read() ?? [],
      workers: this.workers,
      processes: this.#processes(),
      throttles: this.#runtime?.throttles ?? [],
      ramps: this.#runtime?.ramps ?? [],
      tasks: this.#runtime?.tasks ?? [],
      persistence: this.#runtime?.persistence.facts() ?? NO_PERSISTENCE,
      capacities: this.#runtime?.capacities ?? [],
      deactivations: this.#runtime?.deactivations ?? [],
    };
  }

  /** Each state once; in a drain the connections left, now and then. */
  #logPlacement(p: ObservedPlacement): void {
    const key = `${p.virtualServiceUuid}#${p.vipId}`;
    const { connectionsLeft: _left, ...state } = p;
    const last = this.#logged.get(key);
    const text = JSON.stringify(state);
    const now = performance.now();
    if (last?.text === text && now - last.at < COUNT_LOG_PAUSE) return;
    this.#logged.set(key, { text, at: now });
    this.log.info('placement', { ...p });
  }

  /** That a new server is up is no news; that one is not, and that it is again, is. */
  #logServer(v: ServerVerdict): void {
    if (v.failure !== undefined) this.#troubled.add(v.key);
    else if (v.verdict !== 'up' || !this.#troubled.delete(v.key)) return;
    this.log.info('server', { pool: v.poolUuid, server: v.server, verdict: v.verdict, failure: v.failure });
  }

  /** That a server gets less than its share, and that it has got it back; not each step between. */
  #logThrottle(t: Throttle): void {
    const { poolUuid: pool, server } = t;
    if (t.share < 1 === this.#throttled.has(keyOf(t))) return;
    // Servers that are gone are never given back.
    const now = new Set((this.#runtime?.throttles ?? []).map(keyOf));
    for (const key of this.#throttled) if (!now.has(key)) this.#throttled.delete(key);
    if (t.share < 1) this.#throttled.add(keyOf(t));
    else this.#throttled.delete(keyOf(t));
    if (t.share < 1)
      this.log.info('server is held back', {
        pool,
        server,
        share: hundredths(t.share),
        error_ratio: hundredths(t.errorRatio),
      });
    else this.log.info('server has its whole share again', { pool, server });
  }

  /** Drains everything and ends the SE. */
  async end(reason: string, last: () => Promise<void> = async () => Promise.resolve()): Promise<void> {
    try {
      await this.#runtime?.drain();
      await this.#runtime?.close();
      await last();
    } catch (error) {
      this.log.error('the end was not an orderly one', { error });
    } finally {
      this.#metrics?.close();
      this.report({ type: 'ended', reason });
    }
  }

  #tick(): void {
    Atomics.add(this.mapping.i32, HEADER.AGENT_BEAT, 1);
    this.checkParent();
  }

  #pids(): number[] {
    return [this.supervisor, process.pid, ...this.workers.map((w) => w.pid)];
  }

  #hear(order: SupervisorOrder): void {
    switch (order.type) {
      case 'workers':
        this.workers = order.workers;
        break;
      case 'stop':
        this.events.onStop();
        break;
      case 'stop_worker':
        this.links.stopOne(order.index, this.#longestDrain());
        break;
      case 'reload':
        this.events.onReload();
        break;
    }
  }

  /** Milliseconds that a worker which leaves gets for what it has. */
  #longestDrain(): number {
    const placements = this.#runtime?.candidate?.snapshot.placements ?? [];
    return Math.max(0, ...placements.map((p) => p.drain_timeout));
  }

  #renderMetrics(): string {
    const snapshot = this.#runtime?.candidate?.snapshot;
    return renderMetrics({
      services: this.#counters?.services() ?? [],
      servers: this.#counters?.servers() ?? [],
      pools: this.#pools?.read() ?? [],
      verdicts: this.#runtime?.servers ?? [],
      checks: this.#runtime?.checksMade ?? { passed: 0, failed: 0 },
      throttles: this.#runtime?.throttles ?? [],
      placements: this.#runtime?.placements ?? [],
      usage: this.#metricsMeter.measure(this.#pids()),
      epoch: snapshot?.epoch ?? 0,
      generation: snapshot?.generation ?? 0,
      liveWorkers: this.links.live.filter((link) => link.applied > 0).length,
      workerRestarts: this.workers.reduce((sum, w) => sum + w.restarts, 0),
      connected: this.connected,
      processes: this.#processes(),
      rateEvictions: this.mapping.rateEvictions,
      persistence: this.#runtime?.persistence.facts() ?? NO_PERSISTENCE,
      ruleHits: this.links.ruleHits.rows(new Set(snapshot?.virtual_services.map((v) => v.uuid))),
    });
  }

  #processes(): WorkerGauges[] {
    return this.workers.flatMap(({ index, pid }) => {
      const block = this.mapping.worker(index);
      if (pid === 0 || block.pid !== pid) return [];
      return {
        index,
        rssBytes: block.gauge(WORKER_F64.RSS_BYTES),
        queuedBytes: block.gauge(WORKER_F64.QUEUED_BYTES),
        queuedMost: block.gauge(WORKER_F64.QUEUED_MOST),
        shed: block.gauge(WORKER_F64.SHED),
        sockets: block.gauge(WORKER_F64.SOCKETS),
        socketsMost: block.gauge(WORKER_F64.SOCKETS_MOST),
        loopDelayMs: block.gauge(WORKER_F64.LOOP_DELAY_MS),
        loopDelayMostMs: block.gauge(WORKER_F64.LOOP_DELAY_MOST_MS),
      };
    });
  }
}
