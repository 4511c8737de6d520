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

/** Rules that take part in some of the hooks only. */
export type SomeRules = Partial<HttpRules>;

/** Several rules, one after the other; null when there is none. */
export function allRules(rules: readonly (SomeRules | null)[]): HttpRules | null {
  const some = rules.filter((r): r is SomeRules => r !== null);
  return some.length === 0 ? null : new AllRules(some);
}

class AllRules implements HttpRules {
  private readonly request: Pick<HttpRules, 'onRequest'>[];
  private readonly response: Pick<HttpRules, 'onResponse'>[];
  private readonly own: Required<Pick<HttpRules, 'onOwn'>>[];

  constructor(rules: readonly SomeRules[]) {
    const having = <K extends keyof HttpRules>(hook: K): (SomeRules & Required<Pick<HttpRules, K>>)[] =>
      rules.filter((r): r is SomeRules & Required<Pick<HttpRules, K>> => r[hook] !== undefined);
    this.request = having('onRequest');
    this.response = having('onResponse');
    this.own = having('onOwn');
  }

  onRequest(x: Exchange, message: Message, edits: HeadEdits): boolean {
    for (const r of this.request) if (!r.onRequest(x, message, edits)) return false;
    return true;
  }

  onResponse(x: Exchange, message: Message, edits: HeadEdits): void {
    for (const r of this.response) r.onResponse(x, message, edits);
  }

  onOwn(x: Exchange, response: OwnResponse): OwnResponse {
    let sent = response;
    for (const r of this.own) sent = r.onOwn(x, sent);
    return sent;
  }
}
