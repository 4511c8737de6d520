import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import * as grpc from '@grpc/grpc-js';
import { eventually, freeLoopback, freePorts, Scope } from '@spillway/testing';
import { Engine } from '../engine/engine.js';
import { buildSnapshot } from '../engine/snapshot.js';

jest.setTimeout(60_000);

const bytes = (b: Buffer): Buffer => b;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/echo.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});

/** Messages are bytes as they are: what is tested is the way, not the encoding. */
const Echo = {
  unary: method('Unary', false, false),
  collect: method('Collect', true, false),
  repeat: method('Repeat', false, true),
  chat: method('Chat', true, true),
  fail: method('Fail', false, false),
  wait: method('Wait', false, true),
};

/** What the server has seen of calls that were cancelled. */
const cancelled: string[] = [];

function serveEcho(): grpc.Server {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(Echo, {
    unary(call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
      const trailer = new grpc.Metadata();
      trailer.set('x-trailer', 'at the end');
      const first = new grpc.Metadata();
      for (const value of call.metadata.get('x-mine')) first.add('x-mine', value);
      first.set('x-bytes-bin', Buffer.from([0, 1, 254, 255]));
      call.sendMetadata(first);
      answer(null, call.request, trailer);
    },
    collect(call: grpc.ServerReadableStream<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
      const all: Buffer[] = [];
      call.on('data', (b: Buffer) => all.push(b));
      call.on('end', () => answer(null, Buffer.concat(all)));
    },
    repeat(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      for (let i = 0; i < 1000; i++) call.write(call.request);
      call.end();
    },
    chat(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (b: Buffer) => call.write(b));
      call.on('end', () => call.end());
    },
    fail(_call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) {
      answer({ code: grpc.status.NOT_FOUND, details: 'nothing here: ü' });
    },
    wait(call: grpc.ServerWritableStream<Buffer, Buffer>) {
      call.write(Buffer.from('begun'));
      call.on('cancelled', () => cancelled.push(call.request.toString()));
    },
  });
  return server;
}

let scope: Scope;
let server: grpc.Server;
let client: grpc.Client;

beforeAll(async () => {
  scope = new Scope('grpc');
  server = serveEcho();
  const origin = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
  const vip = freeLoopback();
  const [port = 0] = await freePorts(1, vip);
  const snapshot = buildSnapshot({
    services: [
      {
        name: 'grpc',
        vips: [vip],
        ports: [port],
        servers: [{ address: '127.0.0.1', port: origin }],
        monitored: false,
      },
    ],
  });
  snapshot.virtual_services[0]!.services[0]!.enable_http2 = true;
  snapshot.pools[0]!.enable_http2 = true;
  await Engine.start(scope, snapshot, { workers: 1 });
  client = new grpc.Client(`${vip}:${port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
});
afterAll(async () => {
  client?.close();
  server?.forceShutdown();
  await scope?.close();
});

interface Outcome {
  reply: Buffer | undefined;
  error: grpc.ServiceError | null;
  metadata: grpc.Metadata | undefined;
  status: grpc.StatusObject;
}

function unary(
  definition: (typeof Echo)['unary'],
  request: Buffer,
  metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const seen: Partial<Outcome> = {};
    const call = client.makeUnaryRequest(
      definition.path,
      bytes,
      bytes,
      request,
      metadata,
      options,
      (error: grpc.ServiceError | null, reply?: Buffer) => Object.assign(seen, { error, reply }),
    );
    call.on('metadata', (m: grpc.Metadata) => (seen.metadata = m));
    call.on('status', (status: grpc.StatusObject) =>
      setImmediate(() => resolve({ ...seen, status } as Outcome)),
    );
  });
}

const blob = (length: number): Buffer => {
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) b[i] = (i * 7 + (i >> 9)) & 255;
  return b;
};

describe('gRPC through a virtual service, between a client and a server of grpc-js', () => {
  it('unary calls, with metadata and trailers', async () => {
    const metadata = new grpc.Metadata();
    metadata.add('x-mine', 'one');
    metadata.add('x-mine', 'two');
    const r = await unary(Echo.unary, Buffer.from('hello'), metadata);
    expect(r.error).toBeNull();
    expect(r.reply?.toString()).toBe('hello');
    expect(r.metadata?.get('x-mine')).toEqual(['one, two']);
    expect(r.metadata?.get('x-bytes-bin')).toEqual([Buffer.from([0, 1, 254, 255])]);
    expect(r.status.metadata.get('x-trailer')).toEqual(['at the end']);
  });

  it('an empty message, and one of 8 MB both ways', async () => {
    expect((await unary(Echo.unary, Buffer.alloc(0))).reply).toHaveLength(0);
    const big = blob(8_000_000);
    expect((await unary(Echo.unary, big)).reply?.equals(big)).toBe(true);
  });

  it('500 calls at a time', async () => {
    const all = await Promise.all(
      Array.from({ length: 500 }, (_, i) => unary(Echo.unary, Buffer.from(`${i}`))),
    );
    expect(all.map((r) => r.reply?.toString())).toEqual(all.map((_, i) => `${i}`));
  });

  it('an error, which has trailers only', async () => {
    const { error } = await unary(Echo.fail, Buffer.from('x'));
    expect(error).toMatchObject({ code: grpc.status.NOT_FOUND, details: 'nothing here: ü' });
  });

  it('a stream of requests', async () => {
    const reply = await new Promise<Buffer>((resolve, reject) => {
      const call = client.makeClientStreamRequest(
        Echo.collect.path,
        bytes,
        bytes,
        (error: grpc.ServiceError | null, value?: Buffer) =>
          error === null ? resolve(value!) : reject(error),
      );
      for (let i = 0; i < 200; i++) call.write(blob(10_000));
      call.end();
    });
    expect(reply).toHaveLength(2_000_000);
    expect(reply.subarray(1_990_000).equals(blob(10_000))).toBe(true);
  });

  it('a stream of responses', async () => {
    const call = client.makeServerStreamRequest(Echo.repeat.path, bytes, bytes, blob(3000));
    let count = 0;
    for await (const b of call as AsyncIterable<Buffer>) {
      expect(b).toHaveLength(3000);
      count++;
    }
    expect(count).toBe(1000);
  });

  it('streams both ways, message by message', async () => {
    const call = client.makeBidiStreamRequest(Echo.chat.path, bytes, bytes);
    for (let i = 0; i < 50; i++) {
      const reply = new Promise<Buffer>((resolve) => call.once('data', resolve));
      call.write(Buffer.from(`message ${i}`));
      expect((await reply).toString()).toBe(`message ${i}`);
    }
    const status = new Promise<grpc.StatusObject>((resolve) => call.once('status', resolve));
    call.on('data', () => {});
    call.end();
    expect((await status).code).toBe(grpc.status.OK);
  });

  it('a call that the client cancels, and one whose deadline passes', async () => {
    const call = client.makeServerStreamRequest(Echo.wait.path, bytes, bytes, Buffer.from('cancelled'));
    const ended = new Promise<grpc.ServiceError>((resolve) => call.once('error', resolve));
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    expect((await ended).code).toBe(grpc.status.CANCELLED);
    const late = client.makeServerStreamRequest(
      Echo.wait.path,
      bytes,
      bytes,
      Buffer.from('late'),
      new grpc.Metadata(),
      { deadline: Date.now() + 300 },
    );
    late.on('data', () => {});
    const error = await new Promise<grpc.ServiceError>((resolve) => late.once('error', resolve));
    expect(error.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    await eventually(() => cancelled.length === 2, { within: 5000, what: 'both to be cancelled' });
    expect(cancelled).toEqual(['cancelled', 'late']);
  });

  it('a service without a server says UNAVAILABLE', async () => {
    server.forceShutdown();
    const { error } = await unary(Echo.unary, Buffer.from('x'));
    expect(error?.code).toBe(grpc.status.UNAVAILABLE);
  });
});
