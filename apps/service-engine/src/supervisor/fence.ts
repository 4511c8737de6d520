import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { Logger } from '../log/logger.js';
import { isAlive, pidScope, self, statOf, type ProcessIdentity } from '../process/identity.js';
import { formatBeat, parseBeat, type BeatRecord } from './beat-file.js';
import { BeatWatch, isToBeKilled } from './beat-watch.js';

const SUFFIX = '.beat';

export interface FenceSettings {
  dir: string;
  seUuid: string;
  /** Milliseconds between two beats. */
  frequency: number;
  /** Milliseconds without a beat after which peers may kill this SE. */
  timeout: number;
}

/**
 * This SE's beat file and the watch over those of its peers. A peer whose beat is overdue would keep its share of new
 * connections, so its whole tree is killed.
 */
export class Fence {
  readonly #own: string;
  readonly #fd: number;
  readonly #scope = pidScope();
  readonly #identity = self();
  readonly #watch: BeatWatch<string>;
  #beat = 0;

  constructor(
    private readonly settings: FenceSettings,
    private readonly log: Logger,
  ) {
    this.#own = path.join(settings.dir, `${settings.seUuid}.${this.#identity.pid}${SUFFIX}`);
    this.#fd = openInDirectory(this.#own);
    this.#watch = new BeatWatch(settings.frequency);
  }

  /** Beats, and kills a peer that has not. */
  tick(now: number): void {
    const { pid, startTime } = this.#identity;
    this.#beat++;
    writeSync(
      this.#fd,
      formatBeat({
        pid,
        start_time: startTime,
        pid_scope: this.#scope,
        timeout: this.settings.timeout,
        beat: this.#beat,
      }),
      0,
    );
    const peers = this.#peers();
    const watched = [...peers].map(([key, r]) => ({ key, beat: r.beat, timeout: r.timeout }));
    for (const hung of this.#watch.tick(now, watched)) {
      const peer = peers.get(hung.key);
      if (peer !== undefined && isToBeKilled(hung, statOf(peer.pid)?.state ?? ''))
        this.#kill(hung.key, { pid: peer.pid, startTime: peer.start_time });
    }
  }

  close(): void {
    closeSync(this.#fd);
    rmSync(this.#own, { force: true });
    try {
      rmdirSync(this.settings.dir);
    } catch {
      // Others beat there still.
    }
  }

  #peers(): Map<string, BeatRecord> {
    const peers = new Map<string, BeatRecord>();
    for (const name of readdirSync(this.settings.dir)) {
      const file = path.join(this.settings.dir, name);
      if (!name.endsWith(SUFFIX) || file === this.#own) continue;
      const record = readBeat(file);
      if (record === undefined || record.pid_scope !== this.#scope) continue;
      if (isAlive({ pid: record.pid, startTime: record.start_time })) peers.set(file, record);
      else rmSync(file, { force: true });
    }
    return peers;
  }

  #kill(file: string, who: ProcessIdentity): void {
    if (!isAlive(who) || !isSupervisor(who.pid)) return;
    const tree = [who, ...descendants(who.pid)];
    this.log.error('a peer has stopped beating: its whole tree is killed', {
      file,
      pids: tree.map((p) => p.pid),
    });
    for (const p of tree) if (isAlive(p)) signal(p.pid);
  }
}

/** The last SE that ends removes the directory: it may be gone right after it was made. */
function openInDirectory(file: string, tries = 3): number {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  try {
    return openSync(file, 'w', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries <= 1) throw error;
    return openInDirectory(file, tries - 1);
  }
}

function readBeat(file: string): BeatRecord | undefined {
  try {
    return parseBeat(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // its SE ended just now
  }
}

/** A beat file is only a file: what it names must look like a supervisor before it is killed. */
function isSupervisor(pid: number): boolean {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return args.some((a) => a.endsWith('main.js')) && args.some((a) => a === 'run' || a === 'engine');
  } catch {
    return false;
  }
}

function descendants(root: number): ProcessIdentity[] {
  const all = readdirSync('/proc').flatMap((entry) =>
    /^\d+$/.test(entry) ? (statOf(Number(entry)) ?? []) : [],
  );
  const found: ProcessIdentity[] = [];
  const parents = [root];
  for (const parent of parents)
    for (const p of all)
      if (p.parent === parent) {
        found.push(p);
        parents.push(p.pid);
      }
  return found;
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself, or belongs to somebody whom we may not kill.
  }
}
