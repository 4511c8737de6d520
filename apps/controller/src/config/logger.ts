import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';

/** Injection token of the process's {@link Logger}. Take a child with `{ part: 'delivery' }`. */
export const LOGGER = Symbol('logger');
export type { Logger };

/** Names of what must never reach a log, at the top of a record and one and two levels down. */
const SECRET = [
  'password',
  'token',
  'key',
  'secret',
  'passphrase',
  'private_key',
  'old_password',
  'authorization',
  'cookie',
  'csrf_token',
  'keyPem',
  '["x-csrftoken"]',
  '["set-cookie"]',
];

const at = (prefix: string, name: string): string =>
  name.startsWith('[') ? `${prefix.replace(/\.$/, '')}${name}` : prefix + name;

/** A logger that writes one JSON value a line to standard output, secrets redacted. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRET.flatMap((s) => [at('', s), at('*.', s), at('*.*.', s)]), censor: '[redacted]' },
  });
}

/** Nest's own messages through the same logger; its start-up chatter is debug. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.logger.debug({ part: rest.at(-1) }, String(message));
  }
  error(message: unknown, ...rest: unknown[]): void {
    if (message instanceof Error) this.logger.error({ err: message, part: rest.at(-1) }, message.message);
    else
      this.logger.error({ part: rest.at(-1), stack: rest.length > 1 ? rest[0] : undefined }, String(message));
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn({ part: rest.at(-1) }, String(message));
  }
}
