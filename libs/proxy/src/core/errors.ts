import type { ErrorExclusions } from '@spillway/snapshot';
import { FAILED_BY, FAILED_REASONS } from '@spillway/telemetry';

/** What a virtual service takes for an error of a server (analytics profile). */
export class ErrorRules {
  /** 1 for each code that is one. */
  private readonly codes = new Uint8Array(600).fill(1, 400);
  private readonly sipCodes: ReadonlySet<number>;
  /** 1 for each of FAILED_BY. */
  private readonly kinds = new Uint8Array(FAILED_REASONS).fill(1);

  constructor(excluded: ErrorExclusions | undefined) {
    this.sipCodes = new Set(excluded?.sip_codes);
    if (excluded === undefined) return;
    for (const { begin, end } of excluded.codes) this.codes.fill(0, begin, end + 1);
    if (excluded.server_reset) this.kinds[FAILED_BY.RESET] = 0;
    if (excluded.connect_timeout) this.kinds[FAILED_BY.CONNECT_TIMEOUT] = 0;
  }

  /** The final response of that code is an error. */
  isError(status: number): boolean {
    return status > 599 || this.codes[status] === 1;
  }

  /**
   * The final response of SIP is an error of the server. 4xx and 6xx tell of who was called, or ask for credentials (RFC 3261
   * section 21).
   */
  isSipError(status: number): boolean {
    return status >= 500 && status < 600 && !this.sipCodes.has(status);
  }

  /** That way to fail is an error. */
  isFault(kind: number): boolean {
    return this.kinds[kind] === 1;
  }
}

const EVERYTHING = new ErrorRules(undefined);

export const errorRulesOf = (excluded: ErrorExclusions | undefined): ErrorRules =>
  excluded === undefined ? EVERYTHING : new ErrorRules(excluded);
