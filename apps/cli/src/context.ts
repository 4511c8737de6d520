import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliError, EXIT } from './errors.js';

/** Where the API is, whom to trust, and as whom to speak. */
export interface Context {
  /** `https://host:port`, without a path. */
  api: string;
  /** PEM of the CA that signed the API's certificate; absent: the system's. */
  ca?: string;
  insecure?: boolean;
  username: string;
  password?: string;
  /** From `POST /api/user-token`; used instead of the password. */
  token?: string;
  /** Cookies of the last session: reused until the server refuses them. */
  session?: Session;
  tenant?: string;
  /** Where this context is kept, so that a new session can be saved. */
  file: string;
}

export interface Session {
  cookies: Record<string, string>;
  csrf: string;
}

/** The context file of the user: `$SPILLWAY_CONTEXT`, else `~/.config/spillway/context.json`. */
export const userContextFile = (env: NodeJS.ProcessEnv = process.env): string =>
  env['SPILLWAY_CONTEXT'] ??
  join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'spillway', 'context.json');

/**
 * Finds the context: `--dir` or an instance in the default directory first, then what `spillway login` saved.
 * An instance that runs on this machine needs no login: its files say who the administrator is.
 */
export function findContext(options: { dir?: string; defaultDir: string; env?: NodeJS.ProcessEnv }): Context {
  const env = options.env ?? process.env;
  if (options.dir !== undefined) {
    const local = instanceContext(options.dir);
    if (local === undefined)
      throw new CliError(
        `no instance runs in ${options.dir}; start one with: spillway up --dir ${options.dir}`,
      );
    return local;
  }
  const saved = readContext(userContextFile(env));
  // After a logout nothing but the place is left.
  if (saved !== undefined && saved.api !== '') return saved;
  const local = instanceContext(options.defaultDir);
  if (local !== undefined) return local;
  throw new CliError(
    'not logged in; use: spillway login --api https://HOST:PORT --username NAME, or start an instance: spillway up',
    EXIT.denied,
  );
}

interface ControllerFile {
  api: string;
}

/** The context of an instance of `spillway up`, from the files that its controller wrote. */
function instanceContext(dir: string): Context | undefined {
  const controller = readJson<ControllerFile>(join(dir, 'controller', 'controller.json'));
  if (controller === undefined) return undefined;
  const file = join(dir, 'cli-session.json');
  const session = readJson<{ api: string; session: Session }>(file);
  return {
    api: controller.api.replace(/\/+$/, ''),
    ca: readText(join(dir, 'controller', 'ca.pem')),
    username: 'admin',
    password: readText(join(dir, 'controller', 'initial-password'))?.trim(),
    session: session?.api === controller.api ? session.session : undefined,
    file,
  };
}

/** What `spillway login` saved, if anything. */
export function readContext(file: string): Context | undefined {
  const saved = readJson<Omit<Context, 'file'>>(file);
  return saved === undefined ? undefined : { ...saved, file };
}

/** Keeps a context for the next command; readable by the user alone. */
export function saveContext(context: Context): void {
  const { file, ...rest } = context;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const kept = { ...rest, password: undefined };
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
}

function readText(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function readJson<T>(file: string): T | undefined {
  const text = readText(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new CliError(`${file} is not JSON (${String(error)}); remove it and log in again`);
  }
}
