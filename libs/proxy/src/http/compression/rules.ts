import type { Compression, CompressionFilter as Filter } from '@spillway/snapshot';
import { latin1 } from '../../bytes.js';
import { METHOD } from '../../http1/head.js';
import { compareAddresses, parseAddress } from '../address.js';
import type { HeadEdits } from '../edits.js';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';
import type { SomeRules } from '../rules.js';
import { Framing } from '../server-link.js';
import { chooseCoding, Coding } from './accept-encoding.js';
import { coders, type Coder } from './coder.js';
import { CompressionFilter } from './filter.js';
import { BUSY_SHARE, compressionLoad, FULL_SHARE } from './load.js';

const enum Effort {
  None,
  Normal,
  Aggressive,
}

const EFFORT = { none: Effort.None, normal: Effort.Normal, aggressive: Effort.Aggressive } as const;

/** Parts of `Exchange.accepts`: the coding in the two lowest bits, the effort in the next two. */
const CODINGS = [Coding.None, Coding.Gzip, Coding.Brotli] as const;
const EFFORTS = [Effort.None, Effort.Normal, Effort.Aggressive] as const;
const EFFORT_SHIFT = 2;
/** The effort follows from the round-trip time, when the response comes. */
const BY_ROUND_TRIP = 16;
/** The request may have a compressed response, so that caches have to tell such requests apart. */
const CONCERNED = 32;
/** The client has a weak validator, which may be one of ours. */
const WEAK = 64;

const FIELDS = {
  [Coding.None]: latin1(''),
  [Coding.Gzip]: latin1('Content-Encoding: gzip\r\n'),
  [Coding.Brotli]: latin1('Content-Encoding: br\r\n'),
};
const VARY = latin1('Vary: Accept-Encoding\r\n');

/** Fields that say something of the very bytes of a body, or come behind it. */
const UNTOUCHABLE = ['content-digest', 'digest', 'content-md5', 'trailer'];

/** Compresses responses for clients that take it, where it pays. */
export class CompressionRules implements SomeRules {
  private readonly types: ReadonlySet<string>;
  private readonly wholeTypes: ReadonlySet<string>;
  private readonly effortOf: (x: Exchange, message: Message) => number;

  constructor(private readonly config: Compression) {
    this.types = new Set(config.content_types.filter((t) => !t.endsWith('/*')));
    this.wholeTypes = new Set(
      config.content_types.filter((t) => t.endsWith('/*')).map((t) => t.slice(0, -2)),
    );
    this.effortOf = effortRule(config.rule);
  }

  onRequest(x: Exchange, message: Message): boolean {
    if (forbidsTransform(message)) return true;
    x.accepts = CONCERNED;
    const coding = chooseCoding(message.header('accept-encoding'));
    if (coding !== Coding.None) x.accepts |= coding | this.effortOf(x, message);
    if (message.header('if-none-match')?.includes('W/') === true) x.accepts |= WEAK;
    if (this.config.remove_accept_encoding)
      for (let k = message.find(ACCEPT); k >= 0; k = message.find(ACCEPT, k + 1)) message.head.drop(k);
    return true;
  }

  onResponse(x: Exchange, message: Message, edits: HeadEdits): void {
    if ((x.accepts & CONCERNED) === 0) return;
    if (message.status === 304) {
      // The validator is the one that a whole response would have had (RFC 9110 section 15.4.5).
      if ((x.accepts & WEAK) !== 0) weaken(message, edits);
      return;
    }
    if (!this.compressible(x, message)) return;
    addVary(message, edits);
    const coding = CODINGS[x.accepts & 3]!;
    const effort = this.effort(x);
    if (coding === Coding.None || effort === Effort.None) return;
    const level = this.level(x, effort);
    if (level === 0) return;
    if (x.method !== METHOD.HEAD) {
      const coder = coders.take(coding, level);
      if (coder === null) return;
      this.compress(x, coder);
    }
    describe(message, edits, coding);
  }

  private compress(x: Exchange, coder: Coder): void {
    x.filter = new CompressionFilter(x, coder, x.framing !== Framing.Length);
  }

  private compressible(x: Exchange, message: Message): boolean {
    const { status, head } = message;
    if (status === 204 || status === 206) return false;
    if (x.framing === Framing.None && x.method !== METHOD.HEAD) return false;
    if (head.contentLength >= 0 && head.contentLength < this.config.min_length) return false;
    const encoding = message.header('content-encoding');
    if (encoding !== null && encoding.toLowerCase() !== 'identity') return false;
    if (!this.hasType(message.header('content-type'))) return false;
    return !forbidsTransform(message) && UNTOUCHABLE.every((name) => message.find(name) < 0);
  }

  private hasType(value: string | null): boolean {
    if (value === null) return false;
    const type = value.split(';', 1)[0]!.trim().toLowerCase();
    return this.types.has(type) || this.wholeTypes.has(type.split('/', 1)[0]!);
  }

  private effort(x: Exchange): Effort {
    const { rule } = this.config;
    if ((x.accepts & BY_ROUND_TRIP) === 0 || rule.type !== 'auto')
      return EFFORTS[(x.accepts >> EFFORT_SHIFT) & 3]!;
    const microseconds = x.connection.socket.roundTrip();
    if (microseconds < 0) return Effort.Normal;
    if (microseconds > rule.min_high_rtt * 1000) return Effort.Aggressive;
    return microseconds > rule.max_low_rtt * 1000 ? Effort.Normal : Effort.None;
  }

  /** 0 when the worker has no time for it. */
  private level(x: Exchange, effort: Effort): number {
    const share = compressionLoad.share(x.connection.context.transport.now());
    if (share >= FULL_SHARE) return 0;
    if (share >= BUSY_SHARE) return 1;
    return effort === Effort.Aggressive ? this.config.aggressive_level : this.config.normal_level;
  }
}

const ACCEPT = 'accept-encoding';

const forbidsTransform = (message: Message): boolean =>
  message.header('cache-control')?.toLowerCase().includes('no-transform') === true;

function effortRule(rule: Compression['rule']): (x: Exchange, message: Message) => number {
  if (rule.type === 'auto') {
    const mobile = rule.mobile.map((text) => text.toLowerCase());
    return (_x, message) => {
      const agent = mobile.length === 0 ? '' : (message.header('user-agent')?.toLowerCase() ?? '');
      return mobile.some((text) => agent.includes(text)) ? Effort.Aggressive << EFFORT_SHIFT : BY_ROUND_TRIP;
    };
  }
  const filters = rule.filters.map(filterOf);
  return (x, message) => {
    for (const filter of filters) if (filter.matches(x, message)) return filter.effort << EFFORT_SHIFT;
    return Effort.None;
  };
}

function filterOf(filter: Filter): { matches: (x: Exchange, message: Message) => boolean; effort: Effort } {
  const agents = filter.user_agents.map((text) => text.toLowerCase());
  const ranges = filter.addresses.map(({ first, last }) => ({
    first: parseAddress(first)!,
    last: parseAddress(last)!,
  }));
  const named = (x: Exchange, message: Message): boolean => {
    if (ranges.length > 0) {
      const address = parseAddress(x.clientAddress ?? x.connection.ends.remoteAddress);
      if (address === null) return false;
      const inside = ranges.some(
        ({ first, last }) => compareAddresses(first, address) <= 0 && compareAddresses(address, last) <= 0,
      );
      if (!inside) return false;
    }
    if (agents.length === 0) return true;
    const agent = message.header('user-agent')?.toLowerCase() ?? '';
    return agents.some((text) => agent.includes(text));
  };
  return { matches: (x, message) => named(x, message) !== filter.negate, effort: EFFORT[filter.effort] };
}

/** What the head says of a body that has been compressed. */
function describe(message: Message, edits: HeadEdits, coding: Coding): void {
  const { head } = message;
  head.drop(message.find('content-encoding'));
  // Ranges would be of the body as it was.
  head.drop(message.find('accept-ranges'));
  head.drop(head.lengthField);
  edits.addLine(FIELDS[coding]);
  weaken(message, edits);
}

/** Not the same bytes any more, but the same meaning (RFC 9110 section 8.8.1). */
function weaken(message: Message, edits: HeadEdits): void {
  const field = message.find('etag');
  if (field < 0 || message.head.dropped[field] === 1) return;
  const tag = message.value(field);
  if (!tag.startsWith('"')) return;
  message.head.drop(field);
  edits.add('ETag', `W/${tag}`);
}

function addVary(message: Message, edits: HeadEdits): void {
  const vary = message.header('vary')?.toLowerCase() ?? '';
  if (!vary.split(',').some((name) => name.trim() === ACCEPT || name.trim() === '*')) edits.addLine(VARY);
}
