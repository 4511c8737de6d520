/** Head of a response, as received. */
export interface ResponseHead {
  status: number;
  reason: string;
  /** Names in lower case, in order of arrival, repeated ones kept. */
  headers: [name: string, value: string][];
}

/** What a parser tells about one response. */
export interface ResponseSink {
  head(head: ResponseHead): void;
  body(chunk: Buffer): void;
}

/** What was received is not HTTP/1.1 by a strict reading. */
export class MalformedResponse extends Error {}

const MAX_HEAD = 64 * 1024;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

type State = 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers' | 'to-close' | 'done';

/** First value of a header, or undefined. */
export function header(head: ResponseHead, name: string): string | undefined {
  return head.headers.find(([n]) => n === name)?.[1];
}

/** Does `Connection` hold this option (RFC 9110, 7.6.1)? */
export function hasConnectionOption(head: ResponseHead, option: string): boolean {
  return head.headers.some(
    ([name, value]) =>
      name === 'connection' && value.split(',').some((part) => part.trim().toLowerCase() === option),
  );
}

/**
 * Reads one response, strictly: CRLF line ends, no folding, one framing only (RFC 9112, 6.3), nothing
 * ambiguous. 1xx heads before the final one are skipped; 101 is final and what follows is not the
 * parser's. A parser is for one response.
 */
export class ResponseParser {
  #state: State = 'head';
  #held = Buffer.alloc(0);
  #left = 0;
  interim = 0;

  constructor(
    private readonly method: string,
    private readonly sink: ResponseSink,
  ) {}

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Has any byte of a response been seen? */
  get begun(): boolean {
    return this.#state !== 'head' || this.#held.length > 0 || this.interim > 0;
  }

  /**
   * Takes the next bytes; returns those behind the response's end (empty while it goes on).
   * @throws MalformedResponse
   */
  push(chunk: Buffer): Buffer {
    let rest = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#held = Buffer.alloc(0);
    while (this.#state !== 'done' && rest.length > 0) {
      const used = this.#step(rest);
      if (used < 0) {
        this.#held = Buffer.from(rest);
        return Buffer.alloc(0);
      }
      rest = rest.subarray(used);
    }
    return rest;
  }

  /** The peer closed its side: was the response complete by that? */
  end(): boolean {
    if (this.#state === 'to-close') this.#state = 'done';
    return this.#state === 'done';
  }

  /** Consumes from `bytes`; the count used, or -1 when more is needed first. */
  #step(bytes: Buffer): number {
    switch (this.#state) {
      case 'head':
        return this.#head(bytes);
      case 'length':
      case 'chunk-data': {
        const part = bytes.subarray(0, this.#left);
        this.sink.body(part);
        this.#left -= part.length;
        if (this.#left === 0) this.#state = this.#state === 'length' ? 'done' : 'chunk-end';
        return part.length;
      }
      case 'chunk-size':
        return this.#chunkSize(bytes);
      case 'chunk-end':
        if (bytes.length < 2) return -1;
        if (bytes[0] !== 13 || bytes[1] !== 10) throw new MalformedResponse('chunk data not ended by CRLF');
        this.#state = 'chunk-size';
        return 2;
      case 'trailers':
        return this.#trailer(bytes);
      case 'to-close':
        this.sink.body(bytes);
        return bytes.length;
      case 'done':
      default:
        return 0;
    }
  }

  #head(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n', 0, 'latin1');
    if (end < 0) {
      if (bytes.length > MAX_HEAD) throw new MalformedResponse(`head longer than ${MAX_HEAD} bytes`);
      const start = bytes.subarray(0, 9).toString('latin1');
      if (!'HTTP/1.1 '.startsWith(start)) throw new MalformedResponse(`not a status line: ${quote(bytes)}`);
      return -1;
    }
    const head = parseHead(bytes.subarray(0, end).toString('latin1'));
    if (head.status >= 100 && head.status < 200 && head.status !== 101) {
      this.interim++;
      return end + 4;
    }
    this.#frame(head);
    this.sink.head(head);
    return end + 4;
  }

  /** Message body length, RFC 9112, 6.3. */
  #frame(head: ResponseHead): void {
    const lengths = head.headers.filter(([n]) => n === 'content-length').map(([, v]) => v);
    const codings = head.headers.filter(([n]) => n === 'transfer-encoding').map(([, v]) => v);
    if (lengths.length > 1) throw new MalformedResponse('more than one Content-Length');
    if (lengths.length > 0 && codings.length > 0) {
      throw new MalformedResponse('both Content-Length and Transfer-Encoding');
    }
    if (lengths.length > 0 && !/^\d{1,15}$/.test(lengths[0]!)) {
      throw new MalformedResponse(`Content-Length ${JSON.stringify(lengths[0])}`);
    }
    const { status } = head;
    if (status === 101 || (this.method === 'CONNECT' && status < 300)) {
      this.#state = 'done';
    } else if (status === 204) {
      if (lengths.length + codings.length > 0) throw new MalformedResponse('204 with a framing header');
      this.#state = 'done';
    } else if (this.method === 'HEAD' || status === 304) {
      this.#state = 'done';
    } else if (codings.length > 0) {
      if (codings.length > 1 || codings[0]!.trim().toLowerCase() !== 'chunked') {
        throw new MalformedResponse(`Transfer-Encoding ${JSON.stringify(codings.join(', '))}`);
      }
      this.#state = 'chunk-size';
    } else if (lengths.length > 0) {
      this.#left = Number(lengths[0]);
      this.#state = this.#left === 0 ? 'done' : 'length';
    } else {
      this.#state = 'to-close';
    }
  }

  #chunkSize(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n', 0, 'latin1');
    if (end < 0) {
      if (bytes.length > 1024) throw new MalformedResponse('chunk size line too long');
      return -1;
    }
    const line = bytes.subarray(0, end).toString('latin1');
    const match = /^([0-9A-Fa-f]{1,12})(?:[ \t]*;.*)?$/.exec(line);
    if (!match) throw new MalformedResponse(`chunk size ${JSON.stringify(line)}`);
    this.#left = Number.parseInt(match[1]!, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk-data';
    return end + 2;
  }

  #trailer(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n', 0, 'latin1');
    if (end < 0) {
      if (bytes.length > MAX_HEAD) throw new MalformedResponse('trailers too long');
      return -1;
    }
    if (end === 0) this.#state = 'done';
    else parseHeaderLine(bytes.subarray(0, end).toString('latin1'));
    return end + 2;
  }
}

function parseHead(text: string): ResponseHead {
  const lines = text.split('\r\n');
  const match = /^HTTP\/1\.1 (\d{3}) ([\t\x20-\x7e\x80-\xff]*)$/.exec(lines[0]!);
  if (!match) throw new MalformedResponse(`status line ${JSON.stringify(lines[0])}`);
  const headers = lines.slice(1).map(parseHeaderLine);
  return { status: Number(match[1]), reason: match[2]!, headers };
}

function parseHeaderLine(line: string): [string, string] {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  // A bare CR or LF, or a NUL, inside a line is where two readers disagree.
  // oxlint-disable-next-line no-control-regex
  if (!TOKEN.test(name) || /[\0\r\n]/.test(line)) {
    throw new MalformedResponse(`header line ${JSON.stringify(line.slice(0, 200))}`);
  }
  return [name.toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
}

function quote(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 60).toString('latin1'));
}
