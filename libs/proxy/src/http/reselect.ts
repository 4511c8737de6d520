import type { Reselect as Spec } from '@spillway/snapshot';
import type { ServerRuntime } from '../core/server.js';

/** Statuses are below this. */
const STATUSES = 600;

/**
 * When a request that a server of the pool has failed goes to another one (pools document, HTTP Server Reselect). Each
 * server gets it once; the response of the last one is the client's.
 */
export class Reselect {
  /** Servers after the first. */
  readonly retries: number;
  /** Milliseconds for one try of a request that may be repeated; 0: as long as any request has. */
  readonly timeout: number;
  /** Methods that are not idempotent are sent again too. */
  readonly nonidempotent: boolean;
  private readonly statuses = new Uint8Array(STATUSES);

  private constructor(spec: Spec) {
    this.retries = spec.retries;
    this.timeout = spec.timeout;
    this.nonidempotent = spec.nonidempotent;
    for (const { from, to } of spec.statuses) this.statuses.fill(1, from, to + 1);
  }

  /** Null where it is off. */
  static of(spec: Spec | undefined): Reselect | null {
    return spec === undefined ? null : new Reselect(spec);
  }

  /** A response with that status is a failure of its server. */
  isFailure(status: number): boolean {
    return this.statuses[status] === 1;
  }
}

/** The servers that have failed a request. */
export type Tried = ServerRuntime[];

/** The shorter of two time-outs of which 0 is none. */
export const shorter = (a: number, b: number): number => (a === 0 ? b : b === 0 ? a : Math.min(a, b));
