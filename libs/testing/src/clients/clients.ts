import { withTimeout } from '../process/eventually.js';
import { checkConfig, type ClientsConfig, type DrainNotice } from './config.js';
import { ClientContext } from './context.js';
import { Ledger } from './ledger.js';
import { longLivedClient } from './long.js';
import { Pacer, Schedule } from './pacer.js';
import { type ClientsProgress, type ClientsReport, progressOf, reportOf } from './report.js';
import { keepAliveClient, newConnectionClient, oneShot } from './short.js';

/** A group of clients in this process. Tests use `spawnClients`, which runs one in a process of its own. */
export class Clients {
  readonly #ledger: Ledger;
  readonly #pacer: Pacer;
  readonly #context: ClientContext;
  readonly #running = new Set<Promise<void>>();
  #schedule: Schedule | undefined;

  constructor(private readonly config: ClientsConfig) {
    checkConfig(config);
    this.#ledger = new Ledger(config.keepRequests === true);
    this.#pacer = new Pacer(config.openLoop ? 0 : (config.rate ?? 200));
    this.#context = new ClientContext(config, this.#ledger, this.#pacer);
    if (config.openLoop) {
      this.#schedule = new Schedule(config.rate!, (due) => this.#openLoopStart(due));
      return;
    }
    const client = {
      'keep-alive': keepAliveClient,
      'new-connection': newConnectionClient,
      stream: longLivedClient,
      tunnel: longLivedClient,
      tcp: longLivedClient,
    }[config.sort];
    for (let i = 0; i < config.connections; i++) this.#track(client(this.#context));
  }

  progress(): ClientsProgress {
    return progressOf(this.#context);
  }

  setServiceEngines(roots: Record<string, number>): void {
    this.#context.setServiceEngines(roots);
  }

  /** What the draining SE cuts at the deadline or later is then no failure (see `isCutAfterDeadline`). */
  drain(notice: DrainNotice): void {
    this.#ledger.drains.push(notice);
  }

  /** A report of the run so far. */
  report(): ClientsReport {
    this.#context.attribute();
    return reportOf(this.config, this.#ledger, this.#context);
  }

  /** No new requests; what is under way gets `grace` ms (long-lived: none); then the report. */
  async stop(grace = 2_000): Promise<ClientsReport> {
    this.#schedule?.stop();
    this.#pacer.stop();
    const longLived = !['keep-alive', 'new-connection'].includes(this.config.sort);
    if (!longLived) await withTimeout(this.#allDone(), grace, 'requests under way').catch(() => undefined);
    this.#ledger.close();
    this.#context.stopping = true;
    const report = this.report();
    this.#context.close();
    await withTimeout(this.#allDone(), 10_000, 'end of the clients');
    return report;
  }

  async #allDone(): Promise<void> {
    await Promise.all(this.#running);
  }

  #openLoopStart(due: number): void {
    if (this.#running.size >= this.config.connections) this.#ledger.notSent++;
    else this.#track(oneShot(this.#context, due));
  }

  #track(client: Promise<void>): void {
    this.#running.add(client);
    void client.finally(() => this.#running.delete(client));
  }
}
