import { tlsLibraryHere, type ConnectionFacts, type DataPlane } from '@spillway/proxy';
import { openMapping, WORKER_F64, WORKER_STATE, type WorkerBlock } from '@spillway/telemetry';
import type { AgentMessage } from '../ipc/messages.js';
import type { Logger } from '../log/logger.js';
import { descriptorLimit, mostSockets } from '../process/limits.js';
import { dieWithParent } from '../process/parent.js';
import { runtimeFiles } from '../supervisor/runtime-dir.js';
import { AgentLink } from './agent-link.js';
import { Configuration } from './configuration.js';
import { makePlane, warmUp } from './plane.js';
import { mostFlows, SharedFiles } from './shared-memory.js';

export interface WorkerSettings {
  index: number;
  runtimeDir: string;
  supervisor: number;
  /** Bytes that may wait for slow peers. */
  mostQueued: number;
}

/** Milliseconds between beats until the settings of the SE group are known. */
const DEFAULT_FREQUENCY = 100;
/** Changes of the status are told together. */
const STATUS_PAUSE = 10;
/** Milliseconds from one report of the rules that have matched to the next. */
const HITS_INTERVAL = 1_000;
/** Connections that are described in one turn of the loop. */
const DESCRIBED_AT_ONCE = 100;

/** One data plane: warms up, takes its configuration from the agent, serves, and beats. */
export async function runWorker(settings: WorkerSettings, log: Logger): Promise<void> {
  const checkParent = await dieWithParent(settings.supervisor, log);
  const files = runtimeFiles(settings.runtimeDir);
  const mapping = openMapping(files.mapping);
  const block = mapping.worker(settings.index);
  block.claim(process.pid);
  const heart = new Heart(block, checkParent);
  const tls = tlsLibraryHere(process.env['SPILLWAY_OPENSSL_DIR']);
  if (tls.missing) log.warn('virtual services with TLS cannot be served', { reason: tls.says });
  else log.info('TLS', { library: tls.says });
  await warmUp();
  const options = {
    shared: new SharedFiles(),
    mostFlows: mostFlows(),
    mostSockets: mostSockets(descriptorLimit()),
    mostQueued: settings.mostQueued,
  };
  const worker = new Worker(makePlane(mapping, settings.index, options), block, heart, log);
  worker.link = new AgentLink(
    files.socket,
    { type: 'hello', index: settings.index, pid: process.pid },
    (message) => worker.take(message),
  );
  worker.link.connect();
}

/** Says in the shared mapping that this process is alive, and how it is. */
class Heart {
  #timer: ReturnType<typeof setInterval> | undefined;
  #frequency = 0;
  #due = 0;

  constructor(
    private readonly block: WorkerBlock,
    private readonly checkParent: () => void,
  ) {
    this.setFrequency(DEFAULT_FREQUENCY);
  }

  setFrequency(frequency: number): void {
    if (frequency === this.#frequency) return;
    this.#frequency = frequency;
    clearInterval(this.#timer);
    this.#due = performance.now() + frequency;
    this.#timer = setInterval(() => this.#beat(), frequency);
  }

  #beat(): void {
    const now = performance.now();
    this.block.beat();
    this.checkParent();
    const late = Math.max(0, now - this.#due);
    this.block.setGauge(WORKER_F64.LOOP_DELAY_MS, late);
    if (late > this.block.gauge(WORKER_F64.LOOP_DELAY_MOST_MS))
      this.block.setGauge(WORKER_F64.LOOP_DELAY_MOST_MS, late);
    this.#due = now + this.#frequency;
  }
}

class Worker {
  link: AgentLink | undefined;
  readonly #configuration = new Configuration();
  #applying: Promise<void> = Promise.resolve();
  #statusDue = false;

  constructor(
    private readonly plane: DataPlane,
    private readonly block: WorkerBlock,
    private readonly heart: Heart,
    private readonly log: Logger,
  ) {
    plane.onStatus = () => {
      if (this.#statusDue) return;
      this.#statusDue = true;
      setTimeout(() => this.#tellStatus(), STATUS_PAUSE);
    };
    setInterval(() => this.#tellHits(), HITS_INTERVAL);
  }

  take(message: AgentMessage): void {
    switch (message.type) {
      case 'config':
        this.#applying = this.#applying.then(() => this.#apply(message));
        break;
      case 'describe':
        this.#describe(message, this.plane.describe(message.virtual_service), message.limit);
        break;
      case 'stop':
        void this.#stop(message.drain_timeout);
        break;
    }
  }

  async #apply(message: Extract<AgentMessage, { type: 'config' }>): Promise<void> {
    this.block.loading = true;
    try {
      const config = this.#configuration.take(message);
      await this.plane.apply(config);
      this.heart.setFrequency(config.snapshot.settings.dp_hb_frequency);
      this.block.setLive(message.epoch, message.generation);
      this.block.state = WORKER_STATE.READY;
      this.link?.send({ type: 'applied', sequence: message.sequence, placements: this.plane.status() });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.log.error('a configuration was refused', { sequence: message.sequence, reason });
      this.link?.send({ type: 'refused', sequence: message.sequence, reason });
    } finally {
      this.block.loading = false;
    }
  }

  /** A few at a time, so that no request waits for it. */
  #describe(
    message: Extract<AgentMessage, { type: 'describe' }>,
    all: Iterator<ConnectionFacts>,
    left: number,
  ): void {
    const rows: ConnectionFacts[] = [];
    let ended = false;
    while (rows.length < Math.min(DESCRIBED_AT_ONCE, left) && !ended) {
      const next = all.next();
      if (next.done === true) ended = true;
      else rows.push(next.value);
    }
    const last = ended || rows.length >= left;
    this.link?.send({ type: 'described', id: message.id, rows, last });
    if (!last) setImmediate(() => this.#describe(message, all, left - rows.length));
  }

  #tellHits(): void {
    if (this.link === undefined) return;
    const rows = this.plane.takeRuleHits();
    if (rows.length > 0) this.link.send({ type: 'hits', rows });
  }

  #tellStatus(): void {
    this.#statusDue = false;
    this.link?.send({ type: 'status', placements: this.plane.status() });
  }

  async #stop(drainTimeout: number): Promise<void> {
    if (this.block.state === WORKER_STATE.STOPPING) return;
    this.block.state = WORKER_STATE.STOPPING;
    await this.plane.drain(drainTimeout);
    this.plane.close();
    process.exit(0);
  }
}
