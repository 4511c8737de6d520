import { readFileSync } from 'node:fs';
import { run } from './run.js';
import type { Scope } from './scope.js';

let created = 0;

/**
 * A network namespace of a test's own: loopback up, `tcp_migrate_req` on, so that VIPs can be bound and
 * sysctls set without touching the host. Needs root (CAP_SYS_ADMIN).
 */
export class Netns {
  private constructor(readonly name: string) {}

  /** Creates it; the scope deletes it. Processes left inside are killed then, by pid, as they would keep it alive. */
  static async create(scope: Scope, label = scope.name): Promise<Netns> {
    const name = `spw-${label.replace(/[^A-Za-z0-9]/g, '').slice(0, 12)}-${process.pid}-${created++}`;
    await run('ip', ['netns', 'add', name]);
    const netns = new Netns(name);
    scope.defer(`namespace ${name}`, async () => {
      await netns.#killInside();
      await run('ip', ['netns', 'del', name]);
    });
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    await netns.sysctl('net.ipv4.tcp_migrate_req', 1);
    return netns;
  }

  /** Can this process create namespaces at all? A suite that needs one says so and is skipped otherwise. */
  static get available(): boolean {
    return process.platform === 'linux' && process.getuid?.() === 0 && hasSysAdmin();
  }

  /** Command and arguments that run `command` inside. */
  wrap(command: string, args: readonly string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', this.name, command, ...args]];
  }

  /** Adds an address to its loopback, e.g. a VIP that no SE may add by itself. */
  async addAddress(address: string): Promise<void> {
    const family = address.includes(':') ? ['-6'] : ['-4'];
    const bits = address.includes(':') ? 128 : 32;
    const flags = address.includes(':') ? ['nodad'] : [];
    await run('ip', [
      ...family,
      '-n',
      this.name,
      'addr',
      'replace',
      `${address}/${bits}`,
      'dev',
      'lo',
      ...flags,
    ]);
  }

  async sysctl(key: string, value: string | number): Promise<void> {
    await run('sysctl', ['-q', '-w', `${key}=${value}`], { netns: this });
  }

  /** Pids of the processes inside. */
  async pids(): Promise<number[]> {
    const { stdout } = await run('ip', ['netns', 'pids', this.name]);
    return stdout.split(/\s+/).filter(Boolean).map(Number);
  }

  async #killInside(): Promise<void> {
    for (const pid of await this.pids()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }
}

function hasSysAdmin(): boolean {
  const caps = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${caps}`) >> 21n) & 1n) === 1n;
}
