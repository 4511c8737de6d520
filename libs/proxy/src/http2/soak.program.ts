import { VS } from '@spillway/telemetry';
import { check, equal, runCases, until } from '../suite/cases.js';
import { closing, frame, GET, Http2Raw, POST, uint32 } from '../suite/http2-client.js';
import { Http2Origin, valueOf } from '../suite/http2-origin.js';
import { Origin } from '../suite/origin.js';
import { freePort } from '../suite/ports.js';
import { RawClient } from '../suite/raw-client.js';
import { Rig } from '../suite/rig.js';
import { ERROR, FRAME, SETTING } from './protocol.js';
import { bytesWaiting } from './sender.js';

/** Milliseconds of traffic. */
const LENGTH = Number(process.env['SOAK_MS'] ?? 4000);
const CLIENTS = 12;

/** Numbers that are the same in every run. */
let seed = Number(process.env['SOAK_SEED'] ?? 42);
function random(below: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
  return (seed >> 8) % below;
}

const rig = await Rig.make();
const [port1, port2] = [await freePort(), await freePort()];

const blob = (length: number): Buffer => {
  const b = Buffer.alloc(length);
  for (let i = 0; i < length; i++) b[i] = (i * 7 + (i >> 9)) & 255;
  return b;
};
const BODY = blob(400_000);

/** What the path asks a server for. */
interface Wish {
  size: number;
  /** Cut the response short. */
  cut: boolean;
  echo: boolean;
}
function wishOf(path: string): Wish {
  const [, size = '0', what = ''] = path.split('/');
  return { size: Number(size), cut: what === 'cut', echo: what === 'echo' };
}

const one = await Origin.start((r) => {
  const { size, cut, echo } = wishOf(r.head.split(' ')[1]!);
  const body = echo ? r.body : BODY.subarray(0, size);
  if (cut) {
    r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size + 1}\r\n\r\n`);
    r.socket.end(body);
    return;
  }
  r.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
  r.socket.write(body);
});
const two = await Http2Origin.start(({ connection: s, id, seen }) => {
  const { size, cut, echo } = wishOf(valueOf(seen.blocks[0], ':path')!);
  const body = echo ? seen.body : BODY.subarray(0, Math.min(size, 100_000));
  s.headers(id, [[':status', '200']], false);
  if (cut) s.write(frame(FRAME.RST_STREAM, 0, id, uint32(ERROR.INTERNAL_ERROR)));
  else if (random(3) === 0) s.body(id, body, false).headers(id, [['x-size', String(body.length)]]);
  else s.body(id, body);
});

await rig.apply(
  [
    { uuid: 'one', ports: [port1], http2: true, pool: 'one' },
    { uuid: 'two', ports: [port2], http2: true, pool: 'two' },
  ],
  {
    one: { servers: [{ port: one.port }] },
    two: { servers: [{ port: two.port }], enable_http2: true },
  },
);

const sum = (counter: number): number =>
  rig.mapping.serviceTotals(0).counters[counter]! + rig.mapping.serviceTotals(1).counters[counter]!;

let answered = 0;
let cutShort = 0;
let wrong = '';

/** One client of HTTP/2 that does all sorts of things until the time is up. */
async function client(port: number, until_: number): Promise<void> {
  const most = port === port1 ? 400_000 : 100_000;
  while (performance.now() < until_ && wrong === '') {
    const window = [0, 1000, 65_535, 1_000_000][random(4)]!;
    const c = await Http2Raw.open(port, [[SETTING.INITIAL_WINDOW_SIZE, window]]);
    const streams = 1 + random(20);
    const waits: Promise<void>[] = [];
    for (let i = 0; i < streams; i++)
      waits.push(stream(c, random(window === 1000 ? 20_000 : most), random(10), window, port === port1));
    if (random(6) === 0) setTimeout(() => c.socket.resetAndDestroy(), random(30));
    await Promise.all(waits);
    c.end();
  }
}

async function stream(
  c: Http2Raw,
  size: number,
  kind: number,
  window: number,
  toHttp1: boolean,
): Promise<void> {
  if (kind === 0) {
    const id = c.request(GET(`/${size}`));
    setTimeout(() => c.write(frame(FRAME.RST_STREAM, 0, id, uint32(ERROR.CANCEL))), random(20));
    return;
  }
  const upload = kind < 3 ? Math.min(size, 60_000) : -1;
  const path = kind === 3 ? `/${size}/cut` : upload >= 0 ? '/0/echo' : `/${size}`;
  const known = kind === 1;
  const id = c.request(
    upload < 0
      ? GET(path)
      : POST(path, ...(known ? [['content-length', String(upload)] as [string, string]] : [])),
    upload < 0,
  );
  if (upload >= 0) c.body(id, BODY.subarray(0, upload));
  // Without a first window nothing comes until some is given.
  if (window === 0) c.write(frame(FRAME.WINDOW_UPDATE, 0, id, uint32(100_000)));
  const r = await c.response(id);
  if (c.closed && !r.ended) return;
  if (kind === 3) {
    if (r.ended || r.reset < 0) wrong = `a response cut short came as a whole one (${path})`;
    cutShort++;
    return;
  }
  if (upload >= 0 && !known && toHttp1) {
    // The server of HTTP/1 gives back the chunks as they came.
    if (!r.ended) wrong = `an upload was not answered: ${r.reset}`;
  } else if (!r.body.equals(BODY.subarray(0, upload >= 0 ? upload : size)))
    wrong = `a body of ${r.body.length} bytes came for ${path} (${upload}), reset ${r.reset}`;
  answered++;
}

/** And one of HTTP/1 beside them. */
async function plain(port: number, until_: number): Promise<void> {
  while (performance.now() < until_ && wrong === '') {
    const c = await RawClient.open(port);
    for (let i = 0; i < 5; i++) {
      const size = random(90_000);
      const r = await c.get(`/${size}`);
      if (!r.body.equals(BODY.subarray(0, size))) wrong = `HTTP/1 got ${r.body.length} bytes for ${size}`;
      answered++;
    }
    if (random(2) === 0) c.end();
    else c.reset();
  }
}

await runCases(
  closing([
    {
      name: 'mixed traffic with aborts, resets and cut responses: no wrong body, and nothing is left behind',
      async run() {
        const end = performance.now() + LENGTH;
        const all = Array.from({ length: CLIENTS }, (_, i) => client(i % 2 === 0 ? port1 : port2, end));
        await Promise.all([...all, plain(port1, end), plain(port2, end)]);
        equal(wrong, '', 'what went wrong');
        check(answered > 100 && cutShort > 5, `${answered} answered, ${cutShort} cut short`);
        await until(
          () => sum(VS.CONNECTIONS_ACTIVE) === 0 && sum(VS.REQUESTS_ACTIVE) === 0,
          'all to be over',
        );
        equal(bytesWaiting(), 0, 'bytes that wait for windows');
        equal(rig.transport.queuedBytes(), 0, 'bytes that wait for sockets');
        equal(rig.mapping.activeOf(rig.slot('one', one.port)), 0, 'active at the server of HTTP/1');
        equal(rig.mapping.activeOf(rig.slot('two', two.port)), 0, 'active at the server of HTTP/2');
      },
    },
  ]),
);
