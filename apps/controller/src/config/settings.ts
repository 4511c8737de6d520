import { isIP } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';

/** Where a listener listens. Port 0 picks a free one. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** A variable of the environment that cannot be used. */
export class SettingsError extends Error {
  readonly code = 'SETTINGS_INVALID';
  constructor(
    readonly variable: string,
    detail: string,
  ) {
    super(`${variable}: ${detail}`);
    this.name = 'SettingsError';
  }
}

const listen = z.string().transform((value, context): Listen => {
  const match = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]]*)):(?<port>\d{1,5})$/.exec(value);
  const port = Number(match?.groups?.['port']);
  if (!match || port > 65535) {
    context.addIssue({
      code: 'custom',
      message: `"${value}" is not host:port, such as 127.0.0.1:9443 or [::1]:9443`,
    });
    return z.NEVER;
  }
  return { host: match.groups?.['six'] ?? (match.groups?.['host'] || '0.0.0.0'), port };
});

const databaseUrl = z
  .string('is required: the URL of a PostgreSQL database, such as postgres://user@127.0.0.1:5432/spillway')
  .regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL');

/** `10.0.0.2`, `10.0.0.2:5353`, `fd00::2`, `[fd00::2]:5353`. */
function isDnsServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const match = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? 0);
  return isIP(match?.[1] ?? match?.[2] ?? '') !== 0 && port > 0 && port <= 65_535;
}

const environment = z.object({
  SPILLWAY_DIR: z
    .string()
    .min(1)
    .default(path.join(os.homedir(), '.spillway', 'controller')),
  DATABASE_URL: databaseUrl,
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must be a redis:// or rediss:// URL')
    .optional(),
  SPILLWAY_API_LISTEN: listen.prefault('127.0.0.1:9443'),
  SPILLWAY_GRPC_LISTEN: listen.prefault('127.0.0.1:9444'),
  SPILLWAY_STATUS_LISTEN: listen.prefault('127.0.0.1:9445'),
  SPILLWAY_METRICS_LISTEN: z.union([z.literal('off'), listen]).prefault('127.0.0.1:0'),
  SPILLWAY_ADVERTISE: z.string().min(1).optional(),
  SPILLWAY_ADMIN_PASSWORD: z.string().min(8, 'must have 8 characters or more').max(128).optional(),
  SPILLWAY_SECRET_KEY_FILE: z.string().min(1).optional(),
  SPILLWAY_DEFAULT_CLOUD: z.enum(['none', 'process']).default('none'),
  SPILLWAY_SE_DIR: z.string().min(1).optional(),
  SPILLWAY_FENCE_DIR: z.string().min(1).optional(),
  SPILLWAY_BOOTSTRAP_SES: z
    .string()
    .transform((value, context): string[] => {
      const names = value.split(',').flatMap((name) => name.trim() || []);
      const wrong = names.find((name) => !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name));
      if (wrong === undefined) return [...new Set(names)];
      context.addIssue({
        code: 'custom',
        message: `"${wrong}" is no name of a service engine here: letters, digits, ".", "_" and "-", up to 128`,
      });
      return z.NEVER;
    })
    .default([]),
  SPILLWAY_BOOTSTRAP_DIR: z.string().min(1).optional(),
  SPILLWAY_DNS_SERVERS: z
    .string()
    .transform((value, context): string[] => {
      const servers = value.split(',').flatMap((server) => server.trim() || []);
      const wrong = servers.find((server) => !isDnsServer(server));
      if (wrong === undefined) return servers;
      context.addIssue({
        code: 'custom',
        message: `"${wrong}" is no DNS server: write address or address:port, IPv6 in brackets before a port`,
      });
      return z.NEVER;
    })
    .default([]),
  SPILLWAY_TICKET_KEY_ROTATION: z.coerce.number().int().min(1).max(604_800).default(86_400),
  SPILLWAY_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** Everything the environment decides, validated. See docs/architecture.md for each variable. */
export interface Settings {
  /** The controller's own directory, `DIR/controller`. */
  readonly dir: string;
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  readonly api: Listen;
  readonly grpc: Listen;
  readonly status: Listen;
  readonly metrics: Listen | undefined;
  /** Host name or address that SEs use; undefined: the listen address. */
  readonly advertise: string | undefined;
  readonly adminPassword: string | undefined;
  readonly secretKeyFile: string;
  readonly defaultCloud: 'none' | 'process';
  readonly seDir: string;
  /** Undefined: `/dev/shm/spillway-<cluster uuid>`. */
  readonly fenceDir: string | undefined;
  /** SEs that may enrol without anybody who asks for a token, and where their tokens are written. */
  readonly bootstrapSes: readonly string[];
  readonly bootstrapDir: string;
  /** Who is asked for the names of servers; empty: the system's settings, else the host's. */
  readonly dnsServers: readonly string[];
  /** Milliseconds that the keys of session tickets are used before the next ones are. */
  readonly ticketKeyRotationMs: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** Injection token of {@link Settings}. */
export const SETTINGS = Symbol('settings');

/** Reads the settings. An empty variable counts as not set. Throws {@link SettingsError}. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environment.safeParse(set);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new SettingsError(String(issue?.path[0] ?? 'environment'), issue?.message ?? 'is not valid');
  }
  const value = parsed.data;
  const dir = path.resolve(value.SPILLWAY_DIR);
  return {
    dir,
    databaseUrl: value.DATABASE_URL,
    redisUrl: value.REDIS_URL,
    api: value.SPILLWAY_API_LISTEN,
    grpc: value.SPILLWAY_GRPC_LISTEN,
    status: value.SPILLWAY_STATUS_LISTEN,
    metrics: value.SPILLWAY_METRICS_LISTEN === 'off' ? undefined : value.SPILLWAY_METRICS_LISTEN,
    advertise: value.SPILLWAY_ADVERTISE,
    adminPassword: value.SPILLWAY_ADMIN_PASSWORD,
    secretKeyFile: path.resolve(value.SPILLWAY_SECRET_KEY_FILE ?? path.join(dir, 'secret.key')),
    defaultCloud: value.SPILLWAY_DEFAULT_CLOUD,
    seDir: path.resolve(value.SPILLWAY_SE_DIR ?? path.join(dir, '..', 'se')),
    fenceDir: value.SPILLWAY_FENCE_DIR,
    bootstrapSes: value.SPILLWAY_BOOTSTRAP_SES,
    bootstrapDir: path.resolve(value.SPILLWAY_BOOTSTRAP_DIR ?? path.join(dir, 'tokens')),
    dnsServers: value.SPILLWAY_DNS_SERVERS,
    ticketKeyRotationMs: value.SPILLWAY_TICKET_KEY_ROTATION * 1000,
    logLevel: value.SPILLWAY_LOG_LEVEL,
  };
}
