import net from 'node:net';
import { FrameReader, type FrameSink } from '../http2/frame-reader.js';
import { header } from '../http2/frame-writer.js';
import { HpackDecoder, type FieldSink } from '../http2/hpack/decoder.js';
import { HpackEncoder } from '../http2/hpack/encoder.js';
import { Output } from '../http2/output.js';
import { FLAG, FRAME, FRAME_SIZE, PREFACE } from '../http2/protocol.js';
import { until, type Case } from './cases.js';

export type Field = [name: string, value: string];

/** What has come on a stream. */
export class StreamSeen {
  /** Each block of fields: interim responses, the response, trailers. */
  readonly blocks: Field[][] = [];
  ended = false;
  /** Code of RST_STREAM; -1 without one. */
  reset = -1;
  /** DATA frames. */
  frames = 0;
  private pieces: Buffer[] = [];

  add(piece: Buffer): void {
    this.pieces.push(piece);
  }

  get body(): Buffer {
    if (this.pieces.length !== 1) this.pieces = [Buffer.concat(this.pieces)];
    return this.pieces[0]!;
  }

  /** The status of the final response; -1 without one. */
  get status(): number {
    for (const block of this.blocks) {
      const status = Number(block.find(([name]) => name === ':status')?.[1] ?? 0);
      if (status >= 200 || status === 101) return status;
    }
    return -1;
  }
}

/** Fields of a plain request. */
export const GET = (path: string, ...more: Field[]): Field[] => [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'test'],
  ...more,
];
export const POST = (path: string, ...more: Field[]): Field[] => [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'test'],
  ...more,
];

export const frame = (
  type: number,
  flags: number,
  stream: number,
  payload: string | Uint8Array = '',
): Buffer => {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const out = new Output();
  header(out, bytes.length, type, flags, stream);
  out.append(bytes, 0, bytes.length);
  return Buffer.from(out.bytes.subarray(0, out.end));
};

export const uint32 = (n: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n >>> 0);
  return b;
};

/** SETTINGS with these pairs. */
export const settingsFrame = (...pairs: [id: number, value: number][]): Buffer =>
  frame(
    FRAME.SETTINGS,
    0,
    0,
    Buffer.concat(
      pairs.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id & 255]), uint32(value)])),
    ),
  );

const all = new Set<Http2Raw>();

/** The same cases; whatever clients a case has left open is closed behind it. */
export const closing = (cases: readonly Case[]): Case[] =>
  cases.map((c) => ({
    name: c.name,
    async run() {
      try {
        await c.run();
      } finally {
        for (const client of all) client.end();
        all.clear();
      }
    },
  }));

/** A client (or, with `server`, a server) of HTTP/2 on a plain socket that can do everything wrong. */
export class Http2Raw implements FrameSink {
  readonly streams = new Map<number, StreamSeen>();
  readonly settings = new Map<number, number>();
  readonly goAways: { last: number; error: number }[] = [];
  /** Types of all frames received, in order. */
  readonly types: number[] = [];
  settingsAcks = 0;
  pongs = 0;
  /** Receives DATA and gives credit for it. */
  credit = true;
  ended = false;
  closed = false;
  error: string | null = null;
  /** Streams in the order in which they were opened by the peer. */
  readonly opened: number[] = [];
  onStream: ((id: number, seen: StreamSeen) => void) | null = null;
  private readonly encoder = new HpackEncoder();
  private readonly decoder = new HpackDecoder();
  private readonly reader = new FrameReader(this);
  private nextId = 1;
  private flags = 0;
  private stream = 0;
  private block = Buffer.alloc(0);
  private blockEnds = false;

  constructor(readonly socket: net.Socket) {
    all.add(this);
    let preface = 0;
    socket.on('data', (d: Buffer) => {
      const skip = this.isServer ? Math.min(d.length, PREFACE.length - preface) : 0;
      preface += skip;
      if (skip === d.length) return;
      const refused = this.reader.read(d, skip, d.length);
      if (refused !== 0) this.error = `frame error ${refused}`;
    });
    socket.on('end', () => {
      this.ended = true;
      socket.end();
    });
    socket.on('error', (e: NodeJS.ErrnoException) => (this.error = e.code ?? e.message));
    socket.on('close', () => (this.closed = true));
  }
  isServer = false;

  static async open(port: number, settings: [number, number][] = []): Promise<Http2Raw> {
    const client = new Http2Raw(net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }));
    await until(() => !client.socket.connecting || client.closed, 'a client connection');
    client.write(PREFACE);
    client.write(settingsFrame(...settings));
    return client;
  }

  write(b: Uint8Array): this {
    this.socket.write(Buffer.from(b));
    return this;
  }

  /** A header block of these fields. */
  encode(fields: readonly Field[]): Buffer {
    const out = new Output();
    this.encoder.begin(out);
    for (const [name, value] of fields) {
      const n = Buffer.from(name, 'latin1');
      const v = Buffer.from(value, 'latin1');
      if (!/^:?[a-z0-9-]+$/.test(name)) {
        // The encoder would put it right.
        out.append(
          Buffer.concat([Buffer.from([0, n.length]), n, Buffer.from([v.length]), v]),
          0,
          n.length + v.length + 3,
        );
        continue;
      }
      this.encoder.field(out, n, 0, n.length, v, 0, v.length);
    }
    return Buffer.from(out.bytes.subarray(0, out.end));
  }

  headers(id: number, fields: readonly Field[], end = true): this {
    return this.write(
      frame(FRAME.HEADERS, FLAG.END_HEADERS | (end ? FLAG.END_STREAM : 0), id, this.encode(fields)),
    );
  }

  /** Opens a stream; its id. */
  request(fields: readonly Field[], end = true): number {
    const id = this.nextId;
    this.nextId += 2;
    this.headers(id, fields, end);
    return id;
  }

  /** DATA, in frames as large as any peer takes. */
  body(id: number, body: string | Uint8Array, end = true): this {
    const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
    let at = 0;
    do {
      const piece = bytes.subarray(at, at + FRAME_SIZE);
      at += piece.length;
      this.write(frame(FRAME.DATA, end && at === bytes.length ? FLAG.END_STREAM : 0, id, piece));
    } while (at < bytes.length);
    return this;
  }

  seen(id: number): StreamSeen {
    let seen = this.streams.get(id);
    if (seen === undefined) {
      seen = new StreamSeen();
      this.streams.set(id, seen);
      this.opened.push(id);
    }
    return seen;
  }

  /** Waits for the end of a stream, in order or not. */
  async response(id: number): Promise<StreamSeen> {
    const seen = this.seen(id);
    await until(
      () => seen.ended || seen.reset >= 0 || this.closed,
      `the end of stream ${id} (have ${JSON.stringify(seen.blocks)}, ${seen.frames} frames, ${JSON.stringify(this.goAways)}, ${this.error})`,
    );
    return seen;
  }

  async get(path: string, ...more: Field[]): Promise<StreamSeen> {
    return this.response(this.request(GET(path, ...more)));
  }

  async goAway(): Promise<{ last: number; error: number }> {
    await until(() => this.goAways.length > 0 || this.closed, 'GOAWAY');
    return this.goAways.at(-1) ?? { last: -1, error: -1 };
  }

  end(): void {
    this.socket.destroy();
  }

  // FrameSink

  frameBegins(type: number, flags: number, stream: number, _length: number): number {
    this.types.push(type);
    this.flags = flags;
    this.stream = stream;
    return 0;
  }

  data(b: Uint8Array, start: number, end: number, last: boolean): number {
    const seen = this.seen(this.stream);
    if (end > start) seen.add(Buffer.from(b.subarray(start, end)));
    if (this.credit && end > start) {
      this.write(frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(end - start)));
      this.write(frame(FRAME.WINDOW_UPDATE, 0, this.stream, uint32(end - start)));
    }
    if (!last) return 0;
    seen.frames++;
    if ((this.flags & FLAG.END_STREAM) !== 0) seen.ended = true;
    this.onStream?.(this.stream, seen);
    return 0;
  }

  payload(type: number, flags: number, stream: number, b: Uint8Array, start: number, end: number): number {
    const payload = Buffer.from(b.subarray(start, end));
    switch (type) {
      case FRAME.HEADERS:
      case FRAME.CONTINUATION:
        if (type === FRAME.HEADERS) {
          this.block = Buffer.alloc(0);
          this.blockEnds = (flags & FLAG.END_STREAM) !== 0;
        }
        this.block = Buffer.concat([this.block, payload]);
        if ((flags & FLAG.END_HEADERS) !== 0) this.fields(stream);
        return 0;
      case FRAME.RST_STREAM:
        this.seen(stream).reset = payload.readUInt32BE(0);
        this.onStream?.(stream, this.seen(stream));
        return 0;
      case FRAME.GOAWAY:
        this.goAways.push({ last: payload.readUInt32BE(0) & 0x7fff_ffff, error: payload.readUInt32BE(4) });
        return 0;
      case FRAME.SETTINGS:
        if ((flags & FLAG.ACK) !== 0) this.settingsAcks++;
        else {
          for (let i = 0; i < payload.length; i += 6)
            this.settings.set(payload.readUInt16BE(i), payload.readUInt32BE(i + 2));
          this.write(frame(FRAME.SETTINGS, FLAG.ACK, 0));
        }
        return 0;
      case FRAME.PING:
        if ((flags & FLAG.ACK) !== 0) this.pongs++;
        else this.write(frame(FRAME.PING, FLAG.ACK, 0, payload));
        return 0;
      default:
        return 0;
    }
  }

  private fields(stream: number): void {
    const fields: Field[] = [];
    const sink: FieldSink = {
      field(_kind, b, start, valueAt, end) {
        const text = Buffer.from(b.subarray(start, end)).toString('latin1');
        fields.push([text.slice(0, valueAt - start - 2), text.slice(valueAt - start, -2)]);
      },
    };
    if (!this.decoder.decode(this.block, 0, this.block.length, sink)) this.error = 'compression error';
    const seen = this.seen(stream);
    seen.blocks.push(fields);
    if (this.blockEnds) seen.ended = true;
    this.onStream?.(stream, seen);
  }
}
