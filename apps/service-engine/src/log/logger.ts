/** What a record carries beside its message. */
export type Fields = Record<string, unknown>;

/** Structured log: one JSON value a line. */
export interface Logger {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** The same log for a part of the process. */
  part(name: string): Logger;
}

const SECRET = /token|secret|password|passphrase|authorization|cookie|(?:^|_)key(?:_pem)?$|private/i;
const DEPTH = 4;

/** A value as it may be logged: secrets by the name of their field, errors by their message. */
export function loggable(value: unknown, depth = 0): unknown {
  if (value instanceof Error) {
    const code = (value as { code?: unknown }).code;
    return { message: value.message, ...(code === undefined ? {} : { code }) };
  }
  if (value === null || typeof value !== 'object') return typeof value === 'bigint' ? String(value) : value;
  if (depth >= DEPTH) return '…';
  if (Array.isArray(value)) return value.slice(0, 100).map((v) => loggable(v, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => [k, SECRET.test(k) ? '[redacted]' : loggable(v, depth + 1)]),
  );
}

type Write = (line: string) => void;

/**
 * @param process_ which process of the SE speaks: `supervisor`, `agent`, `worker 0`
 * @param write takes whole lines
 */
export function createLogger(process_: string, write: Write, part?: string): Logger {
  const say = (level: string, msg: string, fields: Fields = {}): void =>
    write(
      `${JSON.stringify({
        level,
        time: new Date().toISOString(),
        process: process_,
        ...(part === undefined ? {} : { part }),
        ...(loggable(fields) as Fields),
        msg,
      })}\n`,
    );
  return {
    info: (message, fields) => say('info', message, fields),
    warn: (message, fields) => say('warn', message, fields),
    error: (message, fields) => say('error', message, fields),
    part: (name) => createLogger(process_, write, name),
  };
}
