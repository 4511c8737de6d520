/**
 * Changes the body of a response on its way to the client. It gets the body without chunk framing and gives what it
 * makes of it to `Exchange.sendFiltered` and, once, `Exchange.filterDone`, at once or later.
 */
export interface BodyFilter {
  /** @returns false when the server has to wait for `clientTakes` before it sends more */
  push(data: Uint8Array, start: number, end: number): boolean;
  /** The client has taken what was queued for it. */
  clientTakes(): void;
  /** Memory that it holds while it waits or works, bytes. */
  heldBytes(): number;
  /** The body is complete. */
  finish(): void;
  /** Exchange and connection are over, or the response was cut short: nothing may be sent any more. */
  abandon(): void;
}
