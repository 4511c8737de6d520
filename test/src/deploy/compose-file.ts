import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@spillway/testing';
import { parse } from 'yaml';

/** A check of a container's health, as the compose file or an image has it. */
export interface HealthCheck {
  test?: string[];
  disable?: boolean;
}

/** A service of docker-compose.yml, as far as it is used here. */
export interface ComposeService {
  image: string;
  build?: { context: string; dockerfile: string; target: string };
  command?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  networks?: string[] | Record<string, { ipv4_address?: string }>;
  network_mode?: string;
  pid?: string;
  ipc?: string;
  user?: string;
  init?: boolean;
  restart?: string;
  stop_grace_period?: string;
  sysctls?: Record<string, string | number>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: HealthCheck;
  ports?: string[];
}

export interface ComposeFile {
  services: Record<string, ComposeService>;
  networks: Record<string, { ipam: { config: { subnet: string }[] } }>;
  volumes: Record<string, unknown>;
}

const file = join(repository, 'docker-compose.yml');

/** docker-compose.yml with its merges and its variables resolved, as `docker compose` does. */
export function readCompose(variables: Readonly<Record<string, string>>): ComposeFile {
  const read = parse(readFileSync(file, 'utf8'), { merge: true }) as unknown;
  return withVariables(read, variables) as ComposeFile;
}

/** The lines `NAME=value` of an env file; what is commented out is not set. */
export function readEnvFile(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8').split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => {
      const pair = /^([A-Z_]+)=(.*)$/.exec(line);
      return pair?.[1] === undefined ? [] : [[pair[1], pair[2] ?? '']];
    }),
  );
}

const VARIABLE = /\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g;

function withVariables(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string')
    return value.replace(VARIABLE, (_all, name: string, how: string | undefined, text = '') => {
      const given = variables[name];
      if (given !== undefined && given !== '') return given;
      if (how === '-') return String(text);
      throw new Error(`docker-compose.yml needs ${name}: ${String(text)}`);
    });
  if (Array.isArray(value)) return value.map((each) => withVariables(each, variables));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withVariables(each, variables)]),
  );
}
