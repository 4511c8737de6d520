import { randomBytes } from 'node:crypto';
import type { HttpProfile } from '@spillway/snapshot';
import type { HeadEdits } from '../edits.js';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';
import type { OwnResponse } from '../own-response.js';
import type { SomeRules } from '../rules.js';

const HEX = Array.from({ length: 65_536 }, (_, i) => i.toString(16).padStart(4, '0'));

/** 16 digits that no other worker has. */
const worker = randomBytes(8).toString('hex');
const secret = randomBytes(4).readUInt32LE();
let count = 0;

/**
 * 32 hexadecimal digits, different for each request of each worker. Half of them say which worker it was; the rest
 * is a count, mixed so that neighbours do not look alike.
 */
export function newRequestId(): string {
  count++;
  let low = (count ^ secret) >>> 0;
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b);
  low = Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = (low ^ (low >>> 16)) >>> 0;
  const high = Math.floor(count / 0x1_0000_0000) >>> 0;
  return worker + HEX[high >>> 16]! + HEX[high & 0xffff]! + HEX[low >>> 16]! + HEX[low & 0xffff]!;
}

const DIGITS = 32;

/** An id that a client may give its request: visible ASCII, not too long, nothing that ends a list or a quote. */
const FIT = /^[\w.:/+=@~-]{1,128}$/;

/** Gives each request an id for its server, and for the client where the response is the engine's own. */
export class RequestId implements SomeRules {
  private readonly lowerCase: string;
  private readonly header: string;
  private readonly keep: boolean;
  /** The header line, used again for each request: whoever takes it copies it at once. */
  private readonly line: Buffer;

  constructor(config: NonNullable<HttpProfile['request_id']>) {
    this.line = Buffer.from(`${config.header}: ${'0'.repeat(DIGITS)}\r\n`, 'latin1');
    this.header = config.header;
    this.lowerCase = config.header.toLowerCase();
    this.keep = config.keep;
  }

  onRequest(x: Exchange, message: Message, edits: HeadEdits): boolean {
    const first = message.find(this.lowerCase);
    if (first >= 0 && this.keep && message.find(this.lowerCase, first + 1) < 0) {
      const given = message.value(first);
      if (FIT.test(given)) {
        x.requestId = given;
        return true;
      }
    }
    for (let k = first; k >= 0; k = message.find(this.lowerCase, k + 1)) message.head.drop(k);
    x.requestId = newRequestId();
    this.line.write(x.requestId, this.line.length - DIGITS - 2, 'latin1');
    edits.addLine(this.line);
    return true;
  }

  onOwn(x: Exchange, response: OwnResponse): OwnResponse {
    if (x.requestId === '') x.requestId = newRequestId();
    return { ...response, fields: [...response.fields, [this.header, x.requestId]] };
  }
}
