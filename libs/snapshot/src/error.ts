/** A snapshot or fragment that cannot be run; `path` names the place in it. */
export class SnapshotError extends Error {
  readonly code = 'SNAPSHOT_INVALID';
  constructor(
    readonly path: string,
    readonly detail: string,
  ) {
    super(`${path}: ${detail}`);
    this.name = 'SnapshotError';
  }
}
