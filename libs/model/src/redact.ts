import { fieldsOf } from './facts.js';
import type { KindName } from './generated/types.js';
import { elementKey } from './keys.js';
import { kinds } from './kinds.js';
import { redactMessage } from './secrets.js';
import { isObject, type Json } from './walk.js';

/** A copy without its secrets: what may be answered, logged or shown. */
export function redact<T extends object>(kind: KindName, value: T): T {
  return redactMessage(kinds[kind].type, value as Json) as T;
}

/** What a client gives back for a secret that it was never shown; it keeps the stored one. */
const MASK = '<sensitive>';

/**
 * A copy of what a client wrote with the secrets that it left out, or gave back masked, taken from the stored object:
 * a reply that was shown without secrets can be written back. Elements of lists are matched by their natural key.
 */
export function keepSecrets<T extends object>(kind: KindName, stored: object, written: T): T {
  return keepIn(kinds[kind].type, stored as Json, written as Json) as T;
}

function keepIn(message: string, stored: Json, written: Json): Json {
  const result: Json = { ...written };
  for (const [name, field] of fieldsOf(message)) {
    const before = stored[name];
    const now = written[name];
    if (field.facts.secret && (now === undefined || now === MASK)) {
      if (before === undefined) delete result[name];
      else result[name] = before;
    } else if (field.nested !== undefined) {
      result[name] = keepNested(field.nested, before, now);
      if (now === undefined) delete result[name];
    }
  }
  return result;
}

function keepNested(message: string, before: unknown, now: unknown): unknown {
  if (isObject(now)) return keepIn(message, isObject(before) ? before : {}, now);
  if (!Array.isArray(now)) return now;
  const byKey = new Map(
    (Array.isArray(before) ? before : []).map((e: unknown) => [elementKey(message, e), e]),
  );
  return now.map((element: unknown) => {
    if (!isObject(element)) return element;
    const match = byKey.get(elementKey(message, element));
    return keepIn(message, isObject(match) ? match : {}, element);
  });
}
