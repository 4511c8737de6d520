import type { Netns } from '../process/netns.js';
import { Program } from '../process/program.js';
import type { Scope } from '../process/scope.js';
import type { FlowsReport, FlowsSpec } from './flows.js';

/** Flows of datagrams, and servers for them, in a process of their own. */
export class Datagrams {
  private constructor(private readonly program: Program) {}

  static async spawn(scope: Scope, options: { netns?: Netns } = {}): Promise<Datagrams> {
    const module = new URL('./datagrams.program.js', import.meta.url);
    return new Datagrams(await Program.start(scope, module, { name: 'datagrams', ...options }));
  }

  /** Starts a server; its port. */
  origin(name: string, host = '127.0.0.1'): Promise<number> {
    return this.program.call('origin', { name, host });
  }

  /** Starts more flows. */
  start(spec: FlowsSpec): Promise<void> {
    return this.program.call('start', spec);
  }

  report(): Promise<FlowsReport> {
    return this.program.call('report');
  }

  /** Ends all flows. */
  stop(): Promise<FlowsReport> {
    return this.program.call('stop');
  }
}
