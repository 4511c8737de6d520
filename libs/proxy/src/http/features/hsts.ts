import type { HttpProfile } from '@spillway/snapshot';
import { latin1 } from '../../bytes.js';
import type { HeadEdits } from '../edits.js';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';
import type { OwnResponse } from '../own-response.js';
import type { SomeRules } from '../rules.js';

const NAME = 'Strict-Transport-Security';
const LOWER_CASE = NAME.toLowerCase();

/** Tells browsers to come with TLS only. Never on a connection without it, where it has no meaning (RFC 6797, 7.2). */
export class Hsts implements SomeRules {
  private readonly value: string;
  private readonly line: Uint8Array;

  constructor({ max_age, include_subdomains }: NonNullable<HttpProfile['hsts']>) {
    this.value = `max-age=${max_age}${include_subdomains ? '; includeSubDomains' : ''}`;
    this.line = latin1(`${NAME}: ${this.value}\r\n`);
  }

  onResponse(x: Exchange, message: Message, edits: HeadEdits): void {
    if (x.connection.tls === null) return;
    // One field only, or browsers take the first (RFC 6797 section 8.1).
    for (let k = message.find(LOWER_CASE); k >= 0; k = message.find(LOWER_CASE, k + 1)) message.head.drop(k);
    edits.addLine(this.line);
  }

  onOwn(x: Exchange, response: OwnResponse): OwnResponse {
    if (x.connection.tls === null) return response;
    return { ...response, fields: [...response.fields, [NAME, this.value]] };
  }
}
