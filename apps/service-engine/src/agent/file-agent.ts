import type { Snapshot } from '@spillway/snapshot';
import { sysctlAdvice } from '@spillway/vip';
import { candidateOf } from './candidate.js';
import type { ObservedPlacement } from './placement-state.js';
import { readSnapshot } from './snapshot-store.js';
import type { Shell, ShellEvents } from './shell.js';

/** An SE on a snapshot file alone: reads it at the start and on SIGHUP. */
export class FileAgent {
  readonly #shell: Shell;
  #started = false;
  #stopping = false;

  constructor(
    private readonly file: string,
    makeShell: (events: ShellEvents) => Shell,
  ) {
    this.#shell = makeShell({
      save: () => Promise.resolve(),
      onServers: () => undefined,
      onPeerNews: () => false,
      onPlacements: () => this.#tellStarted(),
      onReload: () => void this.#load(),
      onStop: () => this.#stop(),
    });
  }

  async start(): Promise<void> {
    await this.#shell.open();
    await this.#load();
  }

  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    void this.#shell.end('it was told to stop');
  }

  /** Reads the file and makes it live; what cannot be run leaves what was live before. */
  async #load(): Promise<void> {
    const shell = this.#shell;
    try {
      const snapshot = readSnapshot(this.file);
      for (const advice of sysctlAdvice(shell.options.tune))
        shell.log.warn(advice.text, { command: advice.command });
      shell.follow(snapshot.settings);
      await shell.runtime(snapshot.settings).apply((before) => candidateOf(snapshot, before));
      shell.log.info('the snapshot is live', { generation: snapshot.generation });
      this.#tellStarted();
    } catch (error) {
      shell.log.error('the snapshot cannot be run', { file: this.file, error });
      if (!this.#started) this.#tell([], [error instanceof Error ? error.message : String(error)]);
    }
  }

  /** Ready when every placement that should be active is, failed when one cannot be. */
  #tellStarted(): void {
    const runtime = this.#shell.runtimeOrNone;
    const snapshot = runtime?.candidate?.snapshot;
    if (this.#started || runtime === undefined || snapshot === undefined) return;
    const observed = runtime.placements;
    if (observed.length < snapshot.placements.length) return;
    const failed = observed.filter((p) => p.state === 'failed');
    if (failed.length > 0)
      this.#tell(
        [],
        failed.map((p) => p.reason),
      );
    else if (observed.every((p) => isSettled(p, snapshot))) this.#tell(runtime.listeners(), []);
  }

  #tell(listeners: string[], failures: string[]): void {
    this.#started = true;
    this.#shell.report({ type: 'started', listeners, failures });
  }
}

/** It has come as far as the snapshot wants it to. */
function isSettled(observed: ObservedPlacement, snapshot: Snapshot): boolean {
  const wanted = snapshot.placements.find(
    (p) => p.virtual_service_uuid === observed.virtualServiceUuid && p.vip_id === observed.vipId,
  );
  const service = snapshot.virtual_services.find((v) => v.uuid === observed.virtualServiceUuid);
  if (wanted?.state === 'active' && service?.enabled === true) return observed.state === 'active';
  return observed.state !== 'pending';
}
