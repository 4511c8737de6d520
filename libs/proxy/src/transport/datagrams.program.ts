import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { transportHere } from '../suite/transport.js';
import { BindError, type DatagramHandler, type DatagramListener } from './seam.js';

const transport = await transportHere();
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Writes down what comes to one socket. */
class Mailbox implements DatagramHandler {
  got: { text: string; length: number; address: string; port: number }[] = [];
  errors: string[] = [];
  /** True while this test is inside a call of the socket. */
  inCall = false;
  reentered = 0;
  onMail: ((data: Uint8Array, start: number, end: number, address: string, port: number) => void) | null =
    null;

  onDatagram(data: Uint8Array, start: number, end: number, address: string, port: number): void {
    if (this.inCall) this.reentered++;
    const text = Buffer.from(data.subarray(start, Math.min(end, start + 64))).toString('latin1');
    this.got.push({ text, length: end - start, address, port });
    this.onMail?.(data, start, end, address, port);
    data.fill(0xee, start, end);
  }
  onError(code: string): void {
    if (this.inCall) this.reentered++;
    this.errors.push(code);
  }
}

async function echo(address = '127.0.0.1'): Promise<{ listener: DatagramListener; box: Mailbox }> {
  const box = new Mailbox();
  const listener = await transport.listenDatagrams(address, 0, box);
  box.onMail = (data, start, end, from, port) => {
    box.inCall = true;
    listener.send(data, start, end, from, port);
    box.inCall = false;
  };
  return { listener, box };
}

/** A port on which nobody takes datagrams. */
async function deadPort(): Promise<number> {
  const { listener } = await echo();
  listener.close();
  return listener.port;
}

const cases: Case[] = [
  ...['127.0.0.1', '::1'].map((address): Case => ({
    name: `datagrams keep their bounds and tell their sender (${address})`,
    async run() {
      const { listener, box } = await echo(address);
      const peerBox = new Mailbox();
      const peer = transport.connectDatagrams(address, listener.port, peerBox);
      for (const text of ['one', '', 'three and more']) peer.send(bytes(text), 0, text.length);
      await until(() => peerBox.got.length === 3, 'three echoes');
      equal(
        box.got.map((g) => g.text),
        ['one', '', 'three and more'],
        'datagrams at the listener',
      );
      equal(
        peerBox.got.map((g) => [g.text, g.address, g.port]),
        ['one', '', 'three and more'].map((text) => [text, address, listener.port]),
        'datagrams at the peer',
      );
      equal(new Set(box.got.map((g) => `${g.address} ${g.port}`)).size, 1, 'senders');
      equal(box.got[0]!.address, address, 'address of the sender');
      equal(box.reentered + peerBox.reentered, 0, 'callbacks from inside a call');
      peer.close();
      listener.close();
    },
  })),
  {
    name: 'only the bytes from start to end are sent, and the buffer is free at once',
    async run() {
      const { listener, box } = await echo();
      const peer = transport.connectDatagrams('127.0.0.1', listener.port, new Mailbox());
      const data = bytes('..hello..');
      peer.send(data, 2, 7);
      data.fill(0);
      await until(() => box.got.length === 1, 'the datagram');
      const again = bytes('..world..');
      peer.send(again, 2, 7);
      again.fill(0);
      await until(() => box.got.length === 2, 'the second');
      equal(
        box.got.map((g) => g.text),
        ['hello', 'world'],
        'datagrams',
      );
      peer.close();
      listener.close();
    },
  },
  {
    name: 'the longest datagram goes both ways, a longer one is lost without harm',
    async run() {
      const { listener, box } = await echo();
      const peerBox = new Mailbox();
      const peer = transport.connectDatagrams('127.0.0.1', listener.port, peerBox);
      peer.send(Buffer.alloc(65_507, 1), 0, 65_507);
      await until(() => peerBox.got.length === 1, 'the echo');
      equal([box.got[0]!.length, peerBox.got[0]!.length], [65_507, 65_507], 'lengths');
      equal(peer.send(Buffer.alloc(65_508), 0, 65_508), false, 'what send says of one that is too long');
      peer.send(bytes('after'), 0, 5);
      await until(() => peerBox.got.length === 2, 'a datagram after it');
      equal(peerBox.got[1]!.text, 'after', 'datagram');
      peer.close();
      listener.close();
    },
  },
  {
    name: 'a peer that nobody listens on is told of as an error, and the socket goes on',
    async run() {
      const port = await deadPort();
      const box = new Mailbox();
      const peer = transport.connectDatagrams('127.0.0.1', port, box);
      peer.send(bytes('x'), 0, 1);
      await until(() => box.errors.length > 0, 'the refusal');
      equal(box.errors[0], 'ECONNREFUSED', 'code');
      const there = new Mailbox();
      const listener = await transport.listenDatagrams('127.0.0.1', port, there);
      await until(() => {
        peer.send(bytes('y'), 0, 1);
        return there.got.length > 0;
      }, 'a datagram after the refusal');
      peer.close();
      listener.close();
      equal(box.reentered, 0, 'callbacks from inside a call');
    },
  },
  {
    name: 'answers to nowhere do not harm a listener, nor the next answer',
    async run() {
      const { listener } = await echo();
      const peerBox = new Mailbox();
      const peer = await transport.listenDatagrams('127.0.0.1', 0, peerBox);
      const dead = await deadPort();
      for (let i = 0; i < 50; i++) {
        for (const [address, port] of [
          ['127.0.0.1', dead],
          ['127.0.0.1', 0],
          ['240.0.0.1', 9],
          ['255.255.255.255', 9],
        ] as const)
          listener.send(bytes('lost'), 0, 4, address, port);
        listener.send(bytes('well'), 0, 4, '127.0.0.1', peer.port);
      }
      await until(() => peerBox.got.length === 50, 'every answer to somebody');
      peer.close();
      listener.close();
    },
  },
  {
    name: 'listeners share a port, and each sender stays with one of them',
    async run() {
      const a = await echo();
      const second = new Mailbox();
      const b = await transport.listenDatagrams('127.0.0.1', a.listener.port, second);
      const boxes = Array.from({ length: 32 }, () => new Mailbox());
      const peers = boxes.map((box) => transport.connectDatagrams('127.0.0.1', a.listener.port, box));
      for (let round = 0; round < 4; round++) {
        for (const [i, peer] of peers.entries()) peer.send(bytes(`${i}`), 0, `${i}`.length);
        await until(() => a.box.got.length + second.got.length === (round + 1) * 32, 'a round');
      }
      const seenBy = (box: Mailbox): Set<string> => new Set(box.got.map((g) => g.text));
      const both = [...seenBy(a.box)].filter((n) => seenBy(second).has(n));
      equal(both, [], 'senders at both');
      check(seenBy(a.box).size > 0 && seenBy(second).size > 0, 'one of two listeners got everything');
      for (const peer of peers) peer.close();
      a.listener.close();
      b.close();
    },
  },
  {
    name: 'a listener that cannot be had says why',
    async run() {
      const got = await transport.listenDatagrams('192.0.2.1', 5000, new Mailbox()).then(
        () => null,
        (error: unknown) => error,
      );
      check(got instanceof BindError, 'no BindError');
      equal([got.code, got.address, got.port], ['EADDRNOTAVAIL', '192.0.2.1', 5000], 'the error');
    },
  },
  {
    name: 'nothing comes after close, and closing twice is harmless',
    async run() {
      const { listener, box } = await echo();
      const peerBox = new Mailbox();
      const peer = transport.connectDatagrams('127.0.0.1', listener.port, peerBox);
      peer.send(bytes('1'), 0, 1);
      await until(() => peerBox.got.length === 1, 'an echo');
      peer.send(bytes('2'), 0, 1);
      peer.close();
      peer.close();
      equal(peer.send(bytes('3'), 0, 1), false, 'send after close');
      await until(() => box.got.length >= 1, 'the listener');
      listener.close();
      listener.close();
      const other = await echo();
      const probe = transport.connectDatagrams('127.0.0.1', other.listener.port, new Mailbox());
      probe.send(bytes('probe'), 0, 5);
      await until(() => other.box.got.length === 1, 'another pair');
      equal(peerBox.got.length, 1, 'datagrams at the closed peer');
      probe.close();
      other.listener.close();
      transport.connectDatagrams('127.0.0.1', 9, new Mailbox()).close();
    },
  },
];

await runCases(cases);
