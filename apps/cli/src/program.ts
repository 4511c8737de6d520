import { Command } from 'commander';
import { apply } from './commands/apply.js';
import { completion } from './commands/completion.js';
import { connections } from './commands/connections.js';
import { describe, get, remove } from './commands/get.js';
import { login, logout } from './commands/login.js';
import { monitors } from './commands/monitors.js';
import { events, operations, watch } from './commands/operations.js';
import { patch } from './commands/patch.js';
import { enrolmentToken } from './commands/enrolment.js';
import { server } from './commands/server.js';
import { migrate, scalein, scaleout, switchover } from './commands/scale.js';
import { exportConfiguration, restoreConfiguration, version } from './commands/transfer.js';

/** The whole command tree. */
export function program(): Command {
  const root = new Command('spillway')
    .description(
      'Spillway, an elastic load balancer.\n\nAlso: up, down, status, logs, test, engine (see spillway up --help).',
    )
    .option('--dir <dir>', 'speak to the instance of this directory')
    .option('--tenant <name>', 'act in this tenant')
    .option('-o, --output <format>', 'table, json, yaml or name')
    .showHelpAfterError('(spillway --help shows all commands)')
    .configureHelp({ showGlobalOptions: true });
  const commands = [
    login(),
    logout(),
    get(),
    describe(),
    apply(),
    patch(),
    remove(),
    scaleout(),
    scalein(),
    migrate(),
    switchover(),
    server(),
    operations(),
    events(),
    watch(),
    connections(),
    monitors(),
    enrolmentToken(),
    exportConfiguration(),
    restoreConfiguration(),
    version(),
    completion(() => root),
  ];
  for (const command of commands) root.addCommand(command.copyInheritedSettings(root));
  return root;
}
