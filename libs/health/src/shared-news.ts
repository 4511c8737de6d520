import type { CheckResult, Failure, FailureCode } from './result.js';

/**
 * What SEs tell each other of shared checks. One item holds the keys of many checks that passed (`0` and eight bytes
 * per check), or one that says more: `1`, the key, and JSON of the failure or of the tasks that a server has.
 */

/** Bytes of a key: what is checked, and how, as both SEs have it. */
export const KEY_BYTES = 8;
const PASSED = 0;
const MORE = 1;
/** Bytes of one item at most. */
const MOST_ITEM = 1000;
const MOST_KEYS = Math.floor((MOST_ITEM - 1) / KEY_BYTES);
/** Characters of the text of a failure that are told. */
const MOST_TEXT = 300;

/** The result of one check, by its key in hexadecimal. */
export interface SharedResult {
  readonly key: string;
  readonly result: CheckResult;
}

export function encodeNews(results: readonly SharedResult[]): Uint8Array[] {
  const items: Uint8Array[] = [];
  let keys: string[] = [];
  const flush = (): void => {
    if (keys.length > 0) items.push(Buffer.concat([Buffer.of(PASSED), Buffer.from(keys.join(''), 'hex')]));
    keys = [];
  };
  for (const { key, result } of results) {
    if (!result.ok || result.tasks !== undefined) {
      items.push(encodeMore(key, result));
      continue;
    }
    keys.push(key);
    if (keys.length === MOST_KEYS) flush();
  }
  flush();
  return items;
}

function encodeMore(key: string, result: CheckResult): Uint8Array {
  const body = result.ok
    ? { tasks: result.tasks }
    : { code: result.code, text: result.text.slice(0, MOST_TEXT), ssl: result.sslCode };
  return Buffer.concat([Buffer.of(MORE), Buffer.from(key, 'hex'), Buffer.from(JSON.stringify(body))]);
}

/** What an item says; nothing when it makes no sense, since it comes from another program. */
export function decodeNews(item: Uint8Array): SharedResult[] {
  const bytes = Buffer.from(item.buffer, item.byteOffset, item.length);
  if (bytes[0] === PASSED) {
    const results: SharedResult[] = [];
    for (let at = 1; at + KEY_BYTES <= bytes.length; at += KEY_BYTES)
      results.push({ key: bytes.toString('hex', at, at + KEY_BYTES), result: { ok: true } });
    return results;
  }
  if (bytes[0] !== MORE || bytes.length <= 1 + KEY_BYTES) return [];
  const key = bytes.toString('hex', 1, 1 + KEY_BYTES);
  const result = resultIn(bytes.toString('utf8', 1 + KEY_BYTES));
  return result === undefined ? [] : [{ key, result }];
}

function resultIn(text: string): CheckResult | undefined {
  try {
    const { tasks, code, text: says, ssl } = JSON.parse(text) as Record<string, unknown>;
    if (typeof tasks === 'number' && Number.isFinite(tasks)) return { ok: true, tasks };
    if (!isFailureCode(code) || typeof says !== 'string') return undefined;
    const failure: Failure = { ok: false, code, text: says.slice(0, MOST_TEXT) };
    return typeof ssl === 'string' ? { ...failure, sslCode: ssl.slice(0, MOST_TEXT) } : failure;
  } catch {
    return undefined;
  }
}

/** Trouble of another SE itself is none of ours. */
const isFailureCode = (code: unknown): code is FailureCode =>
  typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code) && code !== 'INCONCLUSIVE';

/**
 * How much an SE is the one to make a check: of several the one with the highest rank makes it. Differs from check to
 * check, so that checks are spread over the SEs, and is the same wherever it is reckoned (rendezvous hashing).
 */
export function rankOf(seUuid: string, key: string): number {
  let hash = 0x811c9dc5;
  for (const text of [key, seUuid])
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** True when `other` is to make the check rather than `own`. */
export function goesBefore(other: string, own: string, key: string): boolean {
  const [theirs, ours] = [rankOf(other, key), rankOf(own, key)];
  return theirs === ours ? other > own : theirs > ours;
}

/** Milliseconds that news are on their way at most. */
const ON_THE_WAY = 250;

/**
 * Milliseconds that a result of another SE is trusted: its next check begins within one interval, and ends within the
 * time-out. When nothing has come by then, this SE checks itself.
 */
export const trustFor = (sendInterval: number, receiveTimeout: number): number =>
  sendInterval + receiveTimeout + ON_THE_WAY;
