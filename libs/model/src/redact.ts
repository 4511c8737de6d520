import type { KindName } from './generated/types.js';
import { kinds } from './kinds.js';
import { redactMessage } from './secrets.js';
import type { Json } from './walk.js';

/** A copy without its secrets: what may be answered, logged or shown. */
export function redact<T extends object>(kind: KindName, value: T): T {
  return redactMessage(kinds[kind].type, value as Json) as T;
}
