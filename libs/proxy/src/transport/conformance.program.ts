import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { transportHere } from '../suite/transport.js';
import {
  BACKLOG,
  BindError,
  HEAD_ROOM,
  MOST_DATA,
  type Acceptor,
  type CloseReason,
  type Listener,
  type Socket,
  type SocketHandler,
} from './seam.js';

const transport = await transportHere();
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Bytes that tell their own place, so that a lost, doubled or swapped one is seen. */
function pattern(length: number, from = 0): Buffer {
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) b[i] = ((from + i) * 31 + ((from + i) >> 8)) & 255;
  return b;
}

/** Writes down what happens to one socket. */
class Recorder implements SocketHandler {
  socket!: Socket;
  events: string[] = [];
  received = 0;
  text = '';
  wrong = 0;
  drains = 0;
  closed: CloseReason | null = null;
  ended = false;
  roomMissing = 0;
  asItIs = false;
  /** True while this test is inside a call of the socket. */
  inCall = false;
  reentered = 0;
  onReceive: ((data: Buffer) => void) | null = null;
  onUp: (() => void) | null = null;
  onFin: (() => void) | null = null;
  checkPattern = false;

  call(action: () => void): void {
    this.inCall = true;
    action();
    this.inCall = false;
  }
  private note(event: string): void {
    if (this.inCall) this.reentered++;
    this.events.push(event);
  }
  onOpen(): void {
    this.note('open');
    this.onUp?.();
  }
  onData(data: Uint8Array, start: number, end: number): void {
    this.note('data');
    if (end - start > MOST_DATA) this.roomMissing++;
    if (start < HEAD_ROOM && !this.asItIs) this.roomMissing++;
    const copy = Buffer.from(data.subarray(start, end));
    if (this.checkPattern && !copy.equals(pattern(copy.length, this.received))) this.wrong++;
    if (!this.asItIs) {
      data.fill(0xee, start - HEAD_ROOM, end);
      data[end] = 0;
      if (data[end] !== 0) this.roomMissing++;
    }
    this.received += copy.length;
    if (this.text.length < 4096) this.text += copy.toString('latin1');
    this.onReceive?.(copy);
  }
  onDrain(): void {
    this.note('drain');
    this.drains++;
  }
  onEnd(): void {
    this.note('end');
    this.ended = true;
    this.onFin?.();
  }
  onClose(reason: CloseReason): void {
    this.note('close');
    check(this.closed === null, 'onClose came twice');
    this.closed = reason;
  }
}

class Taker implements Acceptor {
  taken: Recorder[] = [];
  refuse = false;
  accept(socket: Socket): SocketHandler | null {
    if (this.refuse) return null;
    const r = new Recorder();
    r.socket = socket;
    this.taken.push(r);
    return r;
  }
}

interface Pair {
  listener: Listener;
  client: Recorder;
  server: Recorder;
}

async function pair(address = '127.0.0.1'): Promise<Pair> {
  const taker = new Taker();
  const listener = await transport.listen(address, 0, taker);
  const client = new Recorder();
  client.socket = transport.connect(address, listener.port, client);
  await until(() => taker.taken.length === 1 && client.events.includes('open'), 'a connection');
  return { listener, client, server: taker.taken[0]! };
}

async function over({ listener, client, server }: Pair): Promise<void> {
  listener.close();
  client.socket.reset();
  server.socket.reset();
  await until(() => client.closed !== null && server.closed !== null, 'the end of both sides');
  equal([client.reentered, server.reentered], [0, 0], 'callbacks from inside a call');
  equal([client.events.at(-1), server.events.at(-1)], ['close', 'close'], 'last events');
}

/** Sends `total` patterned bytes, as fast as the other side takes them. */
function pump(from: Recorder, total: number, then?: () => void): void {
  let sent = 0;
  const more = (): void => {
    while (sent < total) {
      const piece = pattern(Math.min(100_000, total - sent), sent);
      sent += piece.length;
      if (!from.socket.write(piece, 0, piece.length)) {
        piece.fill(0); // the bytes were taken before `write` returned
        return;
      }
    }
    then?.();
    from.onDrain = () => {};
  };
  from.onDrain = () => {
    from.drains++;
    more();
  };
  more();
}

/** Milliseconds. */
const uptime = (): number => Number(execFileSync('cut', ['-d ', '-f1', '/proc/uptime']).toString()) * 1000;

const cases: Case[] = [
  {
    name: 'bytes arrive whole and in order, with room around them',
    async run() {
      const p = await pair();
      p.server.checkPattern = true;
      pump(p.client, 5_000_000);
      await until(() => p.server.received === 5_000_000, '5 MB');
      equal([p.server.wrong, p.server.roomMissing], [0, 0], 'wrong pieces, pieces without room');
      equal(p.client.socket.queued, 0, 'bytes left in the queue');
      await over(p);
    },
  },
  {
    name: 'a handler that takes bytes as they lie gets them whole and in order, from any place on',
    async run() {
      const p = await pair();
      p.server.checkPattern = true;
      let pauses = 0;
      p.server.onReceive = () => {
        // A body begins behind its head, and another head behind the body.
        p.server.asItIs = p.server.received > 20_000 && p.server.received < 3_000_000;
        if (pauses++ % 7 === 0) {
          p.server.socket.pause();
          setTimeout(() => p.server.socket.resume(), 1);
        }
      };
      pump(p.client, 5_000_000);
      await until(() => p.server.received === 5_000_000, '5 MB');
      equal([p.server.wrong, p.server.roomMissing], [0, 0], 'wrong pieces, pieces without room');
      await over(p);
    },
  },
  {
    name: 'addresses of both ends',
    async run() {
      const p = await pair();
      equal(p.server.socket.remoteAddress, '127.0.0.1', 'remote address');
      equal(p.server.socket.localAddress, '127.0.0.1', 'local address');
      equal(p.server.socket.localPort, p.listener.port, 'local port');
      equal(p.server.socket.remotePort, p.client.socket.localPort, 'remote port');
      await over(p);
    },
  },
  {
    name: 'IPv6',
    async run() {
      const p = await pair('::1');
      equal(p.server.socket.remoteAddress, '::1', 'remote address');
      p.client.socket.write(bytes('six'), 0, 3);
      await until(() => p.server.text === 'six', 'three bytes');
      await over(p);
    },
  },
  {
    name: 'bytes written before the connection is up are sent',
    async run() {
      const taker = new Taker();
      const listener = await transport.listen('127.0.0.1', 0, taker);
      const client = new Recorder();
      client.socket = transport.connect('127.0.0.1', listener.port, client);
      equal(client.socket.write(bytes('early'), 0, 5), false, 'write on an opening socket');
      equal(client.socket.write(bytes(' bird'), 0, 5), false, 'write on an opening socket');
      await until(() => taker.taken[0]?.text === 'early bird', 'the early bytes');
      await until(() => client.drains === 1, 'a drain');
      equal(client.events.slice(0, 2), ['open', 'drain'], 'events of the client');
      await over({ listener, client, server: taker.taken[0]! });
    },
  },
  {
    name: 'small and large writes of one socket keep their order, among those of others',
    async run() {
      const pairs = [await pair(), await pair(), await pair()];
      const sizes = [10, 20_000, 16_384, 1, 60_000, 3, 16_385, 5];
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const sent = pairs.map(() => 0);
      for (const { server } of pairs) server.checkPattern = true;
      for (const size of sizes)
        pairs.forEach(({ client }, i) => {
          const piece = pattern(size, sent[i]);
          sent[i]! += size;
          client.socket.write(piece, 0, size);
          piece.fill(0); // the bytes were taken before `write` returned
        });
      await until(() => pairs.every(({ server }) => server.received === total), 'all bytes of all');
      equal(
        pairs.map(({ server }) => server.wrong),
        [0, 0, 0],
        'wrong pieces',
      );
      for (const p of pairs) await over(p);
    },
  },
  {
    name: 'what is written in onOpen just before the close is sent',
    async run() {
      const taker = new Taker();
      const listener = await transport.listen('127.0.0.1', 0, taker);
      const client = new Recorder();
      client.onUp = () => {
        client.socket.write(bytes('hello'), 0, 5);
        client.socket.close();
      };
      client.socket = transport.connect('127.0.0.1', listener.port, client);
      await until(() => taker.taken[0]?.ended === true, 'the end');
      equal(taker.taken[0]!.text, 'hello', 'what came before it');
      await over({ listener, client, server: taker.taken[0]! });
    },
  },
  {
    name: 'what is written in onEnd just before the shutdown is sent',
    async run() {
      const p = await pair();
      p.server.onFin = () => {
        p.server.socket.write(bytes('goodbye'), 0, 7);
        p.server.socket.shutdown();
      };
      p.client.socket.shutdown();
      await until(() => p.client.closed !== null && p.server.closed !== null, 'the end of both sides');
      equal(
        [p.client.text, p.client.closed, p.server.closed],
        ['goodbye', 'end', 'end'],
        'what came before it',
      );
      p.listener.close();
    },
  },
  {
    name: 'a reader that pauses holds the writer back',
    async run() {
      const p = await pair();
      p.server.checkPattern = true;
      p.server.socket.pause();
      pump(p.client, 40_000_000);
      await until(() => p.client.socket.queued > 0, 'a full pipe');
      const before = p.server.received;
      await until(() => transport.queuedBytes() > 0, 'queued bytes');
      // TLS makes 16 kB of it a record with some bytes of its own.
      check(p.client.socket.queued <= 101_000, `queued ${p.client.socket.queued}`);
      equal(before, 0, 'bytes handed over in the pause');
      p.server.socket.resume();
      await until(() => p.server.received === 40_000_000, '40 MB');
      equal(p.server.wrong, 0, 'wrong pieces');
      equal(transport.queuedBytes(), 0, 'queued bytes in all');
      await over(p);
    },
  },
  {
    name: 'no data and no end between pause and resume',
    async run() {
      const p = await pair();
      p.server.onReceive = () => p.server.call(() => p.server.socket.pause());
      p.client.socket.write(bytes('one'), 0, 3);
      await until(() => p.server.received === 3, 'the first bytes');
      p.client.socket.write(bytes('two'), 0, 3);
      p.client.socket.shutdown();
      // The end of a second connection shows that the loop has turned after the bytes were on their way.
      await over(await pair());
      equal(p.server.events, ['data'], 'events in the pause');
      p.server.onReceive = null;
      p.server.call(() => p.server.socket.resume());
      await until(() => p.server.ended, 'the end');
      equal([p.server.text, p.server.events], ['onetwo', ['data', 'data', 'end']], 'after the pause');
      await over(p);
    },
  },
  {
    name: 'shutdown sends what is queued, then FIN; the other direction goes on',
    async run() {
      const p = await pair();
      p.server.checkPattern = true;
      p.server.socket.pause();
      const all = pattern(8_000_000);
      p.client.socket.write(all, 0, all.length);
      p.client.call(() => p.client.socket.shutdown());
      p.server.socket.resume();
      await until(() => p.server.ended, 'the end');
      equal([p.server.received, p.server.wrong], [8_000_000, 0], 'bytes');
      p.client.checkPattern = true;
      pump(p.server, 3_000_000, () => p.server.socket.shutdown());
      await until(() => p.client.received === 3_000_000, 'the answer');
      await until(() => p.client.closed !== null && p.server.closed !== null, 'both closed');
      equal([p.client.closed, p.server.closed, p.client.wrong], ['end', 'end', 0], 'reasons');
      await over(p);
    },
  },
  {
    name: 'half-close from either side ends the connection when both have ended',
    async run() {
      const p = await pair();
      p.client.socket.shutdown();
      await until(() => p.server.ended, 'the end');
      check(p.server.closed === null, 'closed too early');
      p.server.call(() => p.server.socket.shutdown());
      await until(() => p.client.closed === 'end' && p.server.closed === 'end', 'both closed');
      await over(p);
    },
  },
  {
    name: 'reset: the peer sees a reset, this side its own',
    async run() {
      const p = await pair();
      p.client.call(() => p.client.socket.reset());
      await until(() => p.client.closed !== null && p.server.closed !== null, 'both closed');
      equal([p.client.closed, p.server.closed], ['local', 'reset'], 'reasons');
      await over(p);
    },
  },
  {
    name: 'a reset is reported to a paused side too',
    async run() {
      const p = await pair();
      p.server.socket.pause();
      p.client.socket.write(bytes('x'), 0, 1);
      p.client.socket.reset();
      if (transport.name.endsWith('node')) return over(p);
      await until(() => p.server.closed === 'reset', 'the reset');
      equal(p.server.events, ['close'], 'events');
      await over(p);
    },
  },
  {
    name: 'reset inside onData',
    async run() {
      const p = await pair();
      p.server.onReceive = () => p.server.call(() => p.server.socket.reset());
      p.client.socket.write(bytes('x'), 0, 1);
      await until(() => p.client.closed !== null && p.server.closed !== null, 'both closed');
      equal(p.server.events, ['data', 'close'], 'events');
      await over(p);
    },
  },
  {
    name: 'close sends what is queued and ends both directions',
    async run() {
      const p = await pair();
      p.client.checkPattern = true;
      const all = pattern(6_000_000);
      p.server.call(() => {
        p.server.socket.write(all, 0, all.length);
        p.server.socket.close();
      });
      await until(() => p.client.ended, 'the end');
      equal([p.client.received, p.client.wrong], [6_000_000, 0], 'bytes');
      p.client.socket.shutdown();
      await until(() => p.client.closed !== null && p.server.closed === 'end', 'both closed');
      await over(p);
    },
  },
  {
    name: 'a write to a connection that is over is dropped and onClose tells',
    async run() {
      const p = await pair();
      p.client.socket.reset();
      await until(() => p.server.closed !== null, 'the reset');
      equal(p.server.socket.write(bytes('x'), 0, 1), true, 'write');
      equal(p.server.socket.queued, 0, 'queued');
      await over(p);
    },
  },
  {
    name: 'a refused connection',
    async run() {
      const listener = await transport.listen('127.0.0.1', 0, new Taker());
      listener.close();
      const client = new Recorder();
      client.call(() => {
        client.socket = transport.connect('127.0.0.1', listener.port, client);
        client.socket.write(bytes('x'), 0, 1);
      });
      await until(() => client.closed !== null, 'the refusal');
      equal([client.closed, client.events, client.reentered], ['refused', ['close'], 0], 'outcome');
      equal(transport.queuedBytes(), 0, 'queued bytes');
    },
  },
  {
    name: 'a connection given up before it is up',
    async run() {
      const taker = new Taker();
      const listener = await transport.listen('127.0.0.1', 0, taker);
      const client = new Recorder();
      client.call(() => {
        client.socket = transport.connect('127.0.0.1', listener.port, client);
        client.socket.reset();
      });
      await until(() => client.closed === 'local', 'the end');
      await until(() => taker.taken.every((s) => s.closed !== null), 'the other end');
      equal(client.events, ['close'], 'events');
      listener.close();
    },
  },
  {
    name: 'a socket handed over from inside onData goes on with the next handler',
    async run() {
      const p = await pair();
      const next = new Recorder();
      next.socket = p.server.socket;
      next.checkPattern = true;
      p.server.onReceive = () => {
        p.server.socket.handOver(next);
        p.server.socket.pause();
      };
      p.client.socket.write(bytes('first'), 0, 5);
      await until(() => p.server.received === 5, 'what the first one takes');
      pump(p.client, 2_000_000);
      next.socket.resume();
      await until(() => next.received === 2_000_000, 'what the next one takes');
      p.client.socket.shutdown();
      await until(() => next.ended, 'the end');
      next.call(() => next.socket.close());
      await until(() => next.closed !== null && p.client.closed !== null, 'the end of both sides');
      equal(next.wrong, 0, 'wrong pieces');
      equal(
        [p.server.received, p.server.ended, p.server.closed],
        [5, false, null],
        'the first one afterwards',
      );
      equal([next.events[0], next.events.at(-1)], ['data', 'close'], 'events of the next one');
      p.listener.close();
    },
  },
  {
    name: 'an acceptor can refuse',
    async run() {
      const taker = new Taker();
      taker.refuse = true;
      const listener = await transport.listen('127.0.0.1', 0, taker);
      const client = new Recorder();
      client.socket = transport.connect('127.0.0.1', listener.port, client);
      await until(() => client.closed !== null, 'the reset');
      equal(client.closed, 'reset', 'reason');
      listener.close();
    },
  },
  {
    name: 'a port that somebody else holds is refused by name',
    async run() {
      const foreign = net.createServer();
      const { promise, resolve } = Promise.withResolvers<void>();
      foreign.listen(0, '127.0.0.1', resolve);
      await promise;
      const { port } = foreign.address() as net.AddressInfo;
      const error: unknown = await transport.listen('127.0.0.1', port, new Taker()).catch((e: unknown) => e);
      foreign.close();
      check(error instanceof BindError, `not a BindError: ${String(error)}`);
      equal([error.code, error.address, error.port], ['EADDRINUSE', '127.0.0.1', port], 'error');
      const away: unknown = await transport.listen('192.0.2.77', 80, new Taker()).catch((e: unknown) => e);
      check(away instanceof BindError, `not a BindError: ${String(away)}`);
      equal(away.code, 'EADDRNOTAVAIL', 'error');
    },
  },
  {
    name: 'listeners share a port; closing one keeps what it had accepted',
    async run() {
      const [a, b] = [new Taker(), new Taker()];
      const first = await transport.listen('127.0.0.1', 0, a);
      const second = await transport.listen('127.0.0.1', first.port, b);
      const clients: Recorder[] = [];
      const open = async (): Promise<Recorder> => {
        const client = new Recorder();
        client.socket = transport.connect('127.0.0.1', first.port, client);
        clients.push(client);
        const n = clients.length;
        await until(() => a.taken.length + b.taken.length === n, `connection ${n}`);
        return client;
      };
      while (a.taken.length === 0 || b.taken.length === 0) {
        check(clients.length < 200, 'one listener got everything');
        await open();
      }
      const before = a.taken.length;
      first.close();
      for (let i = 0; i < 20; i++) await open();
      equal(a.taken.length, before, 'connections of the closed listener');
      const old = a.taken[0]!;
      old.socket.write(bytes('alive'), 0, 5);
      await until(() => clients.some((c) => c.text === 'alive'), 'an answer from the old connection');
      second.close();
      for (const c of clients) c.socket.reset();
      await until(() => [...a.taken, ...b.taken].every((s) => s.closed !== null), 'all closed');
    },
  },
  ...['127.0.0.1', '::1'].map((address): Case => ({
    name: `what is asked of TCP reaches the system (${address})`,
    async run() {
      const taker = new Taker();
      const listener = await transport.listen(address, 0, taker);
      listener.tune({ nagle: false, dscp: 46, maxSegment: 1000 });
      const client = new Recorder();
      client.socket = transport.connect(address, listener.port, client);
      await until(() => taker.taken.length === 1 && client.events.includes('open'), 'a connection');
      const server = taker.taken[0]!;
      const shown = (port: number): string =>
        execFileSync('ss', [
          '-tinH',
          '--tos',
          `sport = :${port}`,
          'and',
          `dport = :${port === listener.port ? client.socket.localPort : listener.port}`,
        ]).toString();
      const tells = (port: number): [boolean, boolean] => {
        const text = shown(port);
        return [/(?:tos|tclass):0xb8/.test(text), /\bmss:(?:9\d\d|1000)\b/.test(text)];
      };
      // `node:net` has no way to ask for either.
      const can = transport.name.endsWith('bun');
      equal(tells(listener.port)[0], can, 'code point of the accepted connection');
      equal(tells(client.socket.localPort)[1], can, 'segments of the client');
      client.socket.tune({ nagle: true, dscp: 10, maxSegment: 0 });
      equal(/(?:tos|tclass):0x28/.test(shown(client.socket.localPort)), can, 'code point of the client');
      server.socket.tune({ nagle: true, dscp: 0, maxSegment: 0 });
      client.checkPattern = true;
      pump(server, 200_000);
      await until(() => client.received === 200_000, 'bytes in small segments');
      equal(client.wrong, 0, 'wrong pieces');
      await over({ listener, client, server });
    },
  })),
  {
    name: 'the backlog is wide',
    async run() {
      const listener = await transport.listen('127.0.0.1', 0, new Taker());
      const most = Number(execFileSync('cat', ['/proc/sys/net/core/somaxconn']).toString());
      const line = execFileSync('ss', ['-Hltn', `sport = :${listener.port}`]).toString();
      equal(Number(line.trim().split(/\s+/)[2]), Math.min(most, BACKLOG), 'backlog');
      listener.close();
    },
  },
  {
    name: 'later work lets sockets come first, however much of it there is',
    async run() {
      const { promise, resolve } = Promise.withResolvers<number>();
      let turns = 0;
      let connected = false;
      const handler = {
        onOpen: () => (connected = true),
        onData() {},
        onDrain() {},
        onEnd() {},
        onClose() {},
      };
      const taker = new Taker();
      const listener = await transport.listen('127.0.0.1', 0, taker);
      const socket = transport.connect('127.0.0.1', listener.port, handler);
      const task = {
        run() {
          turns++;
          if (connected) resolve(turns);
          else transport.afterTurn(task);
        },
      };
      transport.afterTurn(task);
      equal(turns, 0, 'turns within the call');
      check((await promise) > 0, 'turns');
      socket.reset();
      listener.close();
    },
  },
  {
    name: 'deferred work runs after the callback, before the next one',
    async run() {
      const p = await pair();
      const order: string[] = [];
      p.server.onReceive = () => {
        order.push('data');
        transport.defer({ run: () => order.push('deferred') });
        order.push('after');
      };
      p.client.socket.write(bytes('x'), 0, 1);
      await until(() => order.length === 3, 'three steps');
      equal(order, ['data', 'after', 'deferred'], 'order');
      await over(p);
    },
  },
  {
    name: 'with as many sockets as there may be no more are opened',
    async run() {
      const listener = await transport.listen('127.0.0.1', 0, new Taker());
      const before = transport.openSockets();
      transport.mostSockets = before;
      const refused = new Recorder();
      refused.socket = transport.connect('127.0.0.1', listener.port, refused);
      await until(() => refused.closed !== null, 'the refusal');
      transport.mostSockets = Infinity;
      equal([refused.closed, refused.events], ['unreachable', ['close']], 'how it ended');
      const fine = new Recorder();
      fine.socket = transport.connect('127.0.0.1', listener.port, fine);
      await until(() => fine.events.includes('open'), 'a connection');
      equal(transport.openSockets(), before + 2, 'both ends are counted');
      fine.socket.close();
      listener.close();
    },
  },
  {
    name: 'the clock is that of the machine, whichever process asks',
    run() {
      // Time since the machine has started, but for the time that it slept, which only one of the two counts.
      const apart = transport.now() - uptime();
      const later = transport.now() - uptime();
      check(apart < 1000 && Math.abs(later - apart) < 200, `the clocks are ${apart} and ${later} ms apart`);
      return Promise.resolve();
    },
  },
];

await runCases(cases);
