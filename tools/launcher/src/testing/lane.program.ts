import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { endLeftovers, furnish } from './namespace.js';

// Runs the command of its arguments in the network namespace that this process was put into, ends what that leaves
// running, and ends as the command did.
furnish();
const [program = '', ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
const code = await new Promise<number>((resolve) => {
  child.once('error', () => resolve(127));
  child.once('close', (status, signal) => resolve(signal ? 128 + constants.signals[signal] : (status ?? 1)));
});
const left = await endLeftovers();
for (const line of left) console.log(line);
process.exitCode = left.length > 0 && code === 0 ? 1 : code;
