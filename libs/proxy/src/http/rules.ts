import type { HeadEdits } from './edits.js';
import type { Exchange } from './exchange.js';
import type { Message } from './message.js';
import type { OwnResponse } from './own-response.js';

/**
 * What policies and the application profile of a virtual service do to its requests and responses. Made once per
 * configuration (`ServiceConfig.rules`), used by every request under it.
 */
export interface HttpRules {
  /**
   * A request has been understood and not been sent on. The rules may choose its pool (`x.pool`), drop fields of
   * `message.head`, fill `edits`, or end the exchange themselves (`x.answer`, `x.refuseSilently`).
   * @returns false when they have ended it
   */
  onRequest(x: Exchange, message: Message, edits: HeadEdits): boolean;
  /**
   * A server's final response has come and nothing of it has been passed on. The rules may drop fields, fill
   * `edits`, or put in a filter (`x.filter`) for its body.
   */
  onResponse(x: Exchange, message: Message, edits: HeadEdits): void;
  /** A response of the engine's own is about to be sent: what shall be sent in its place. */
  onOwn?(x: Exchange, response: OwnResponse): OwnResponse;
}

/** Several rules, one after the other; null when there is none. */
export function allRules(rules: readonly (HttpRules | null)[]): HttpRules | null {
  const some = rules.filter((r): r is HttpRules => r !== null);
  if (some.length < 2) return some[0] ?? null;
  return {
    onRequest: (x, message, edits) => some.every((r) => r.onRequest(x, message, edits)),
    onResponse: (x, message, edits) => {
      for (const r of some) r.onResponse(x, message, edits);
    },
    onOwn: (x, response) => {
      let sent = response;
      for (const r of some) if (r.onOwn !== undefined) sent = r.onOwn(x, sent);
      return sent;
    },
  };
}
