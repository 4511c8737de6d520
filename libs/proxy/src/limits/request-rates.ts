import { redirectTarget, type TokenSource } from '@spillway/policy';
import { localBody, type RateLimitAction, type ServiceRate } from '@spillway/snapshot';
import { OWN_BY } from '@spillway/telemetry';
import type { PlaneContext } from '../core/context.js';
import type { Exchange } from '../http/exchange.js';
import type { Message } from '../http/message.js';
import type { OwnResponse } from '../http/own-response.js';
import type { SomeRules } from '../http/rules.js';
import { NamedRate } from './rates.js';

/** Holds the requests of a virtual service to its rates, before anything else is decided about them. */
export class RequestRates implements SomeRules {
  private readonly rates: readonly { readonly spec: ServiceRate; readonly rate: NamedRate }[];

  private constructor(
    private readonly context: PlaneContext,
    rates: RequestRates['rates'],
  ) {
    this.rates = rates;
  }

  /** Null when there is nothing to hold them to. */
  static of(
    context: PlaneContext,
    uuid: string,
    specs: readonly ServiceRate[],
    sharers: number,
  ): RequestRates | null {
    const rates = specs
      .filter((spec) => spec.of === 'requests')
      .map((spec) => ({ spec, rate: new NamedRate(context.rates, `${uuid} ${spec.name}`, spec, sharers) }));
    return rates.length === 0 ? null : new RequestRates(context, rates);
  }

  onRequest(x: Exchange, message: Message): boolean {
    const now = this.context.transport.now();
    for (const { spec, rate } of this.rates) {
      const key = keyOf(spec, x, message);
      if (key === null || rate.take(key, now)) continue;
      if (exceeded(spec.exceeded, x, message)) return false;
    }
    return true;
  }
}

/** Who is counted; null when the request lacks what the rate tells apart by. */
function keyOf(spec: ServiceRate, x: Exchange, message: Message): string | null {
  const client = spec.per_client ? (x.clientAddress ?? x.connection.ends.remoteAddress) : '';
  let key = spec.per_path ? `${client} ${message.path}` : client;
  if (spec.per_header !== undefined) {
    const value = message.header(spec.per_header.toLowerCase());
    if (value === null) return null;
    key += `\n${value}`;
  }
  return key;
}

/** True when the exchange is ended. */
function exceeded(action: RateLimitAction, x: Exchange, message: Message): boolean {
  switch (action.type) {
    case 'none':
      return false;
    case 'close':
    case 'reset':
      x.refuseSilently();
      return true;
    case 'respond':
      x.answer(localResponse(action.response));
      return true;
    case 'redirect':
    default:
      x.answer(redirect(action.redirect, x, message));
      return true;
  }
}

function localResponse(local: Extract<RateLimitAction, { type: 'respond' }>['response']): OwnResponse {
  const body = localBody(local);
  const type = local.content_type ?? 'text/html; charset=utf-8';
  return {
    status: local.status,
    fields: body.length > 0 ? [['Content-Type', type]] : [],
    body,
    why: OWN_BY.RATE_LIMIT,
  };
}

type Redirect = Extract<RateLimitAction, { type: 'redirect' }>['redirect'];

/** Where the rate's redirect leads; its tokens are literal ones. */
function redirect(to: Redirect, x: Exchange, message: Message): OwnResponse {
  const { localAddress } = x.connection.ends;
  const own = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  const asked = {
    secure: x.connection.tls !== null,
    authority: message.host === '' ? own : message.host,
    path: message.path,
    query: message.query,
  };
  return {
    status: to.status,
    fields: [['Location', redirectTarget(to, asked, LITERAL)]],
    body: new Uint8Array(0),
    why: OWN_BY.RATE_LIMIT,
  };
}

const LITERAL: TokenSource = { host: '', path: '/', captures: () => [], groupValue: () => '' };
