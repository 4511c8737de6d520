import type { Logger } from '../log/logger.js';
import { dieWithParent } from '../process/parent.js';
import type { Options } from '../settings/options.js';
import { FileAgent } from './file-agent.js';
import { Shell, type ShellEvents } from './shell.js';

export interface AgentSettings {
  runtimeDir: string;
  supervisor: number;
}

/** Runs the agent of an SE until its supervisor ends it. */
export async function runAgent(options: Options, settings: AgentSettings, log: Logger): Promise<void> {
  const checkParent = await dieWithParent(settings.supervisor, log);
  const makeShell = (events: ShellEvents): Shell =>
    new Shell(options, settings.runtimeDir, settings.supervisor, checkParent, log, events);
  if (options.snapshotFile !== undefined) await new FileAgent(options.snapshotFile, makeShell).start();
  else {
    // What speaks gRPC is loaded only where there is a controller.
    const { ControlledAgent } = await import('./controlled-agent.js');
    await new ControlledAgent(options.dir ?? '', makeShell).start();
  }
}
