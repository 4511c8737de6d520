import net from 'node:net';
import { until } from '../client.js';
import type { StreamAttack } from './grammar.js';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const GOAWAY = 7;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
/** `:status: 200` in the static table of HPACK. */
const STATUS_200 = 0x88;

/**
 * Sends the attack as stream 1 of a new connection; with `keep-alive` a harmless request follows as stream 3.
 * @returns how many 200s came back
 */
export async function sendStream(
  port: number,
  attack: StreamAttack,
  mode: 'keep-alive' | 'close',
): Promise<number> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const answered = new Set<number>();
  let passed = 0;
  let over = false;
  let buffer = Buffer.alloc(0);
  socket.on('error', () => (over = true));
  socket.on('close', () => (over = true));
  socket.on('data', (data: Buffer) => {
    buffer = Buffer.concat([buffer, data]);
    while (buffer.length >= 9) {
      const length = buffer.readUIntBE(0, 3);
      if (buffer.length < 9 + length) return;
      const [type, flags, stream] = [buffer[3]!, buffer[4]!, buffer.readUInt32BE(5)];
      if (type === SETTINGS && (flags & ACK) === 0) socket.write(frame(SETTINGS, ACK, 0, ''));
      if (type === HEADERS && !answered.has(-stream)) {
        answered.add(-stream);
        if (buffer[9] === STATUS_200) passed++;
      }
      if ((type === HEADERS || type === DATA) && (flags & END_STREAM) !== 0) answered.add(stream);
      if (type === RST_STREAM) answered.add(stream);
      if (type === GOAWAY) over = true;
      buffer = buffer.subarray(9 + length);
    }
  });
  socket.write(Buffer.from(PREFACE, 'latin1'));
  socket.write(frame(SETTINGS, 0, 0, ''));
  request(socket, 1, attack);
  await until(
    () => over || answered.has(1),
    () => `${attack.name}: stream 1 is neither answered nor reset`,
  );
  if (mode === 'keep-alive' && !over) {
    request(socket, 3, {
      name: '',
      method: 'GET',
      path: '/victim',
      authority: 'victim',
      fields: [],
      body: '',
    });
    await until(
      () => over || answered.has(3),
      () => `${attack.name}: stream 3 is neither answered nor reset`,
    );
  }
  socket.destroy();
  return passed;
}

function request(socket: net.Socket, stream: number, r: StreamAttack): void {
  const fields = [
    [':method', r.method],
    [':scheme', 'http'],
    [':path', r.path],
    [':authority', r.authority],
    ...r.fields,
  ];
  const block = fields.map(([name, value]) => `\0${literal(name)}${literal(value)}`).join('');
  socket.write(frame(HEADERS, END_HEADERS | (r.body === '' ? END_STREAM : 0), stream, block));
  if (r.body !== '') socket.write(frame(DATA, END_STREAM, stream, r.body));
}

/** A string of HPACK without Huffman code. */
function literal(text: string): string {
  if (text.length < 127) return String.fromCharCode(text.length) + text;
  let rest = text.length - 127;
  let out = '\x7f';
  for (; rest >= 128; rest >>= 7) out += String.fromCharCode((rest & 127) | 128);
  return out + String.fromCharCode(rest) + text;
}

function frame(type: number, flags: number, stream: number, payload: string): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, Buffer.from(payload, 'latin1')]);
}
