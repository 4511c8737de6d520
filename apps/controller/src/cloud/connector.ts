/** An SE to make. */
export interface SeWish {
  readonly seUuid: string;
  /** Unique in its cloud: the connector finds its SEs by it. */
  readonly name: string;
  readonly groupUuid: string;
  readonly cloudUuid: string;
}

/** An SE that a cloud holds. */
export interface CloudSe {
  readonly name: string;
  readonly seUuid: string;
  readonly running: boolean;
  /** What the cloud calls it: a process, a container. */
  readonly handle: string;
}

/** A request to a cloud that failed; the message says what to do about it. */
export class CloudError extends Error {
  constructor(
    /** Stable: `CANNOT_CREATE`, `CANNOT_DELETE`, `NO_WRITE_ACCESS`. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'CloudError';
  }
}

/**
 * Write access to a cloud. One conformance suite (`connector-conformance.ts`) holds for every connector:
 * - `create` of an SE that is there already, running or not, makes no second one and leaves it running;
 * - `delete` of an SE that is not there succeeds; after it returns nothing of the SE runs and `list` lacks it;
 * - `list` tells of every SE that `create` made and `delete` did not take away, also after this process started anew;
 * - a failed `create` leaves nothing behind that `delete` does not take away.
 */
export interface CloudConnector {
  readonly name: string;
  /** `token` lets the SE enrol once; it is asked for only when it is needed. */
  create(wish: SeWish, token: () => Promise<string>): Promise<void>;
  delete(se: Pick<SeWish, 'seUuid' | 'name'>): Promise<void>;
  list(): Promise<CloudSe[]>;
}
