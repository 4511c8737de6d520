import { type Command, InvalidArgumentError } from 'commander';
import { Client } from '../client.js';
import { findContext } from '../context.js';

/** Options that every command understands; they stand on the root command. */
export interface GlobalOptions {
  dir?: string;
  tenant?: string;
  output?: string;
}

/** The directory of the instance that `spillway up` makes when it is told nothing else. */
export const DEFAULT_DIR = process.env['SPILLWAY_DEFAULT_DIR'] ?? '.spillway';

/** A client for the context that the command line asks for. */
export function clientOf(command: Command): Client {
  const options = command.optsWithGlobals<GlobalOptions>();
  const context = findContext({ dir: options.dir, defaultDir: DEFAULT_DIR });
  return new Client(options.tenant === undefined ? context : { ...context, tenant: options.tenant });
}

export function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number of seconds above 0');
  return value;
}

/** Reads all of standard input. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
