import { SnapshotSource } from './snapshot-source.js';
import type { Lookup, Problem } from './types.js';

/** Why a virtual service cannot be served at all: by itself, or because of a policy or group that it uses. */
export const whyUnservable = (vsUuid: string, lookup: Lookup): Problem[] =>
  new SnapshotSource(lookup, '').problemsOf(vsUuid).filter((p) => p.severity === 'error');
