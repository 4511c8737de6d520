import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { identify, type ProcessIdentity } from '../process/identity.js';

/** A program of an instance. */
export interface Program {
  command: string;
  args: string[];
  log: string;
  /** Added to our own environment; undefined takes a variable away. */
  environment: Record<string, string | undefined>;
}

/** From this size a start begins a new log and keeps one old one beside it. */
const maxLogBytes = 50 * 1024 * 1024;

/** A started program, until the launcher ends. */
export interface Started {
  identity: ProcessIdentity;
  /** The exit, in words; settles when the program ends. */
  ended: Promise<string>;
}

/**
 * Starts a program in a session of its own, with its output appended to its log: it lives on when the
 * launcher, its terminal or a parent of both dies.
 */
export async function startProgram({ command, args, log, environment }: Program): Promise<Started> {
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes) renameSync(log, `${log}.1`);
  const output = openSync(log, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(command, args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', output, output],
      env: { ...process.env, ...environment },
    });
  } finally {
    closeSync(output);
  }
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `exit code ${code ?? '?'}`));
  });
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  child.unref();
  if (!identity) throw new Error(`${command} ${args.join(' ')}: ${await ended}`);
  return { identity, ended };
}
