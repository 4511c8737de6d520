import type { Netns } from '../process/netns.js';
import { Program } from '../process/program.js';
import type { Scope } from '../process/scope.js';
import type { DnsRecord } from './dns-server.js';

/** A DNS server in a process of its own, in a namespace if wanted; the scope ends it. */
export class SpawnedDns {
  private constructor(
    private readonly program: Program,
    readonly host: string,
    readonly port: number,
  ) {}

  static async start(
    scope: Scope,
    options: { host: string; port: number; netns?: Netns | undefined },
  ): Promise<SpawnedDns> {
    const { host, port, netns } = options;
    const program = await Program.start(scope, new URL('./dns.program.js', import.meta.url), {
      name: `DNS on ${host}:${port}`,
      ...(netns === undefined ? {} : { netns }),
    });
    return new SpawnedDns(program, host, await program.call<number>('start', { host, port }));
  }

  set(name: string, record: DnsRecord): Promise<void> {
    return this.program.call('set', { name, record });
  }

  asked(name: string): Promise<number> {
    return this.program.call('asked', { name });
  }

  /** Nobody answers any more. */
  stop(): Promise<void> {
    return this.program.call('stop', {});
  }
}
