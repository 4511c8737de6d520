import type { Logger } from '../log/logger.js';
import { dieWithParent } from '../process/parent.js';
import type { Options } from '../settings/options.js';
import { IdentityStore } from '../channel/identity.js';
import { FileAgent } from './file-agent.js';
import { Shell } from './shell.js';
import { SnapshotStore } from './snapshot-store.js';

export interface AgentSettings {
  runtimeDir: string;
  supervisor: number;
}

/** Runs the agent of an SE until its supervisor ends it. */
export async function runAgent(options: Options, settings: AgentSettings, log: Logger): Promise<void> {
  const checkParent = await dieWithParent(settings.supervisor, log);
  if (options.snapshotFile !== undefined) {
    const agent = new FileAgent(options.snapshotFile);
    agent.shell = new Shell(options, settings.runtimeDir, settings.supervisor, checkParent, log, agent);
    await agent.shell.open();
    await agent.load();
    return;
  }
  const { dir = '' } = options;
  const { ControlledAgent } = await import('./controlled-agent.js');
  const agent = new ControlledAgent(new IdentityStore(dir), new SnapshotStore(dir, log));
  agent.shell = new Shell(options, settings.runtimeDir, settings.supervisor, checkParent, log, agent);
  await agent.shell.open();
  await agent.start();
}
