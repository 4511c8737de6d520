import type { FilledTypes } from './generated/filled.js';
import type { KindName, KindTypes } from './generated/types.js';
import { hooksOf } from './hooks/index.js';
import { kinds } from './kinds.js';
import { fillMessage, stripMessage } from './message-defaults.js';
import type { Json } from './walk.js';

/**
 * A copy with every default that the published schema or our own table gives, also inside the nested messages that
 * are present, and with what the server fills in by itself (a server's hostname is its address). Nested messages that
 * are absent stay absent. Never null, never an empty list.
 */
export function applyDefaults<K extends KindName>(kind: K, value: KindTypes[K]): FilledTypes[K] {
  const { fill } = hooksOf(kind);
  const filled = fillMessage(kinds[kind].type, value as unknown as Json);
  return (fill ? fill(filled) : filled) as unknown as FilledTypes[K];
}

/** The inverse of {@link applyDefaults}, for `skip_default=true`. Required fields stay, also at their default. */
export function stripDefaults<K extends KindName>(kind: K, value: KindTypes[K]): KindTypes[K] {
  const { unfill } = hooksOf(kind);
  const given = value as unknown as Json;
  return stripMessage(kinds[kind].type, unfill ? unfill(given) : given) as unknown as KindTypes[K];
}
