import type { CheckResult } from './result.js';

/** What is said to a server, and how its answer is judged. */
export interface Dialogue {
  /** Sent once the server is reached, one character a byte; empty: nothing. */
  readonly request: string;
  /** The server was asked to close the connection behind its answer. */
  readonly serverEnds?: boolean;
  /**
   * Judges what has come so far.
   * @param bytes everything received, one character a byte
   * @param ended nothing more will come
   * @returns undefined while more is needed
   */
  judge(bytes: string, ended: boolean): CheckResult | undefined;
}

/** Bytes of an answer in which texts are looked for. */
const WINDOW = 4096;

/** Whether the text occurs in the first `window` bytes, both as UTF-8. */
export const holds = (bytes: string, text: string, window = WINDOW): boolean =>
  Buffer.from(bytes.slice(0, window), 'latin1').includes(text, 0, 'utf8');

export const maintenance = (by: 'code' | 'text', what: string): CheckResult => ({
  ok: false,
  code: by === 'code' ? 'MAINTENANCE_RESPONSE_CODE_MATCH' : 'MAINTENANCE_PAYLOAD_CONTENT_MATCH',
  text: `the server says that it is in maintenance: ${what}`,
});

/** A dialogue of the kind of `send`, `expect` and `maintenance_text`, on a connection or by datagrams. */
export function plainDialogue(check: {
  send?: string | undefined;
  expect?: string | undefined;
  maintenance_text?: string | undefined;
}): Dialogue {
  const expect = check.expect ?? '';
  const closed = check.maintenance_text ?? '';
  return {
    request: Buffer.from(check.send ?? '', 'utf8').toString('latin1'),
    judge(bytes, ended) {
      if (closed !== '' && holds(bytes, closed))
        return maintenance('text', 'its answer holds the maintenance text');
      const more = !ended && bytes.length < WINDOW;
      if (expect === '') return closed !== '' && more ? undefined : { ok: true };
      if (holds(bytes, expect)) return { ok: true };
      if (more) return undefined;
      if (bytes === '') return { ok: false, code: 'NO_RESPONSE', text: 'the server ended without an answer' };
      return {
        ok: false,
        code: 'PAYLOAD_CONTENT_MISMATCH',
        text: 'the answer does not hold the expected text',
      };
    },
  };
}
