import type { ConfigChange } from '@spillway/protocol';
import { parseFragment, SnapshotError, type Delta, type Fragment } from '@spillway/snapshot';
import { afterDelta, candidateOf, NOTHING, Refused, type Candidate } from '../agent/candidate.js';

/** The fragments of a change, validated. `@throws {SnapshotError}` */
export const deltaOf = (change: ConfigChange): Delta => ({
  put: change.put.map((f) => decode(f.type, f.key, f.body)),
  remove: [...change.remove],
});

function decode(type: string, key: string, body: Uint8Array): Fragment {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw new SnapshotError(`${type}/${key}`, 'the body is not JSON');
  }
  return parseFragment(type, key, value);
}

/** What is to be live after a change. `@throws {SnapshotError}` or `{Refused}` */
export function candidateAfter(
  before: Candidate | undefined,
  { epoch, generation, full }: ConfigChange,
  delta: Delta,
): Candidate {
  // Fragments that did not change stay the same objects, so that the workers are not told them again.
  if (full) return candidateOf(afterDelta(NOTHING, delta, epoch, generation).snapshot, before);
  if (before === undefined) throw new Refused('NO_BASE', 'a delta came before a whole snapshot');
  return afterDelta(before, delta, epoch, generation);
}

/** How the controller is told of a refusal. */
export function refusalOf(error: unknown): { code: string; reason: string; path: string } {
  if (error instanceof Refused) return { code: error.code, reason: error.reason, path: error.path };
  if (error instanceof SnapshotError) return { code: error.code, reason: error.detail, path: error.path };
  return { code: 'SE_ERROR', reason: error instanceof Error ? error.message : String(error), path: '' };
}
