import type { TrueClientIp as Config } from '@spillway/snapshot';
import { parseAddress } from '../address.js';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';
import type { SomeRules } from '../rules.js';

/**
 * Takes the client's address from a header that a proxy in front has set. Without the header, or with something in
 * its place that is no address, the client is who has connected.
 */
export class TrueClientIp implements SomeRules {
  private readonly header: string;

  constructor(private readonly config: Config) {
    this.header = config.header.toLowerCase();
  }

  onRequest(x: Exchange, message: Message): boolean {
    const value = message.header(this.header);
    if (value !== null) x.clientAddress = this.pick(value);
    return true;
  }

  private pick(value: string): string | null {
    const list = value.split(',');
    const index = Math.min(this.config.index, list.length);
    return addressIn(list[this.config.from === 'left' ? index - 1 : list.length - index]!.trim());
  }
}

/** The address of a list's element, which may be quoted, in brackets, or with a port; null when it is none. */
export function addressIn(element: string): string | null {
  const text = element.startsWith('"') && element.endsWith('"') ? element.slice(1, -1) : element;
  if (parseAddress(text) !== null) return text.toLowerCase();
  const inside = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1];
  return inside !== undefined && parseAddress(inside) !== null ? inside.toLowerCase() : null;
}
