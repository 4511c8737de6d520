import { setTimeout as delay } from 'node:timers/promises';
import { HTTP1_CASES } from '../conformance/cases.js';
import type { Random } from '../random.js';
import { bodyOf, sumOf } from './body.js';
import { Cut, SoakClient, type Got } from './exchange.js';
import { CLEAN } from './origin.js';

/** Requests that have to be refused, from the conformance cases. */
const MALFORMED = HTTP1_CASES.filter(
  (c) =>
    typeof c.client === 'string' &&
    typeof c.atClient !== 'string' &&
    c.atOrigin.length === 0 &&
    c.settings === undefined &&
    c.atClient.status >= 400,
).map((c) => c.client as string);

/** What became of the conversations. */
export interface Tally {
  /** Whole responses with the right body. */
  complete: number;
  /** The proxy's own 5xx for a server that failed. */
  gateway: number;
  /** Responses cut short as their server cut them. */
  cut: number;
  aborted: number;
  refused: number;
  /** Right responses of clients whose servers behave. */
  clean: number;
}

/** Clients good and hostile against one virtual service in front of MoodyOrigins. */
export class Traffic {
  readonly tally: Tally = { complete: 0, gateway: 0, cut: 0, aborted: 0, refused: 0, clean: 0 };
  /** What must not happen; empty at the end. */
  readonly wrong: string[] = [];
  #nextId = 0;

  constructor(
    private readonly port: number,
    private readonly random: Random,
  ) {}

  /** Runs until `stop`; ends when every conversation has ended. */
  async run(odd: number, clean: number, stop: () => boolean): Promise<void> {
    const oddly = async (): Promise<void> => {
      while (!stop()) await this.#converse();
    };
    await Promise.all([
      ...Array.from({ length: odd }, oddly),
      ...Array.from({ length: clean }, () => this.#converseCleanly(stop)),
    ]);
  }

  async #converse(): Promise<void> {
    const client = await SoakClient.open(this.port);
    try {
      if (client.closed) this.wrong.push('a new connection is refused');
      else await this.random.pick(CONVERSATIONS)(this, client);
    } catch (error) {
      // A response cut short by its server is cut short for the client; anything else is a fault.
      if (error instanceof Cut) this.tally.cut++;
      else this.wrong.push(String(error));
    } finally {
      client.close();
    }
  }

  /** None of these requests may fail, whatever happens beside them. */
  async #converseCleanly(stop: () => boolean): Promise<void> {
    let client: SoakClient | null = null;
    while (!stop()) {
      const { id, length } = this.one();
      try {
        client ??= await SoakClient.open(this.port);
        client.send(get(id, length, CLEAN));
        const got = await client.response();
        if (got.status === 200 && got.body === bodyOf(id, length)) this.tally.clean++;
        else this.wrong.push(`clean request ${id} (${length}): ${got.head}${got.body.slice(0, 200)}`);
        if (/connection: close/i.test(got.head)) {
          client.close();
          client = null;
        }
      } catch (error) {
        this.wrong.push(`clean request ${id}: ${String(error)}`);
        client?.close();
        client = null;
      }
    }
    client?.close();
  }

  one(): { id: number; length: number } {
    const size = this.random.below(20);
    const length =
      size === 0
        ? 500_000 + this.random.below(1_500_000)
        : size < 4
          ? this.random.below(300_000)
          : this.random.below(2000);
    return { id: this.#nextId++, length };
  }

  below(n: number): number {
    return this.random.below(n);
  }

  malformed(): string {
    return this.random.pick(MALFORMED);
  }

  /** Counts a response; false when the connection goes no further. */
  judge({ id, length }: { id: number; length: number }, got: Got, upload = '', toHead = false): boolean {
    if (got.status === 200) {
      const wanted = toHead ? '' : bodyOf(id, length);
      if (got.body !== wanted) this.wrong.push(`body of ${id} (${length}) is wrong, has ${got.body.length}`);
      // The head of a bad response may be a good answer to HEAD.
      if (!toHead && !got.head.includes(`X-Sum: ${sumOf(upload)}\r\n`))
        this.wrong.push(`the upload of ${id} (${upload.length}) came in wrong: ${got.head}`);
      this.tally.complete++;
    } else if (got.status >= 500) this.tally.gateway++;
    else this.wrong.push(`status ${got.status} for ${id}: ${got.body}`);
    return !/\r\nconnection: close\r\n/i.test(got.head);
  }
}

type Conversation = (traffic: Traffic, client: SoakClient) => Promise<void>;

const line = (method: string, id: number, length: number): string =>
  `${method} /echo/${id}/${length} HTTP/1.1\r\nHost: soak\r\n`;
const get = (id: number, length: number, extra = ''): string => `${line('GET', id, length)}${extra}\r\n`;

const CONVERSATIONS: readonly Conversation[] = [
  /** Some requests, one after the other. */
  async (t, client) => {
    for (let k = 1 + t.below(6); k > 0; k--) {
      const one = t.one();
      client.send(get(one.id, one.length));
      if (!t.judge(one, await client.response())) return;
    }
  },
  /** Some requests at once. */
  async (t, client) => {
    const all = Array.from({ length: 1 + t.below(8) }, () => t.one());
    client.send(all.map(({ id, length }) => get(id, length)).join(''));
    for (const one of all) if (!t.judge(one, await client.response())) return;
  },
  /** A head that comes in small pieces. */
  async (t, client) => {
    const one = t.one();
    const text = get(one.id, one.length, 'X-Split: 1\r\n');
    for (let i = 0; i < text.length;) {
      const n = 1 + t.below(9);
      client.send(text.slice(i, i + n));
      i += n;
      if (t.below(4) === 0) await delay(t.below(5));
    }
    t.judge(one, await client.response());
  },
  async (t, client) => {
    const one = t.one();
    const upload = bodyOf(one.id, t.below(400_000));
    client.send(`${line('POST', one.id, one.length)}Content-Length: ${upload.length}\r\n\r\n`);
    for (let i = 0; i < upload.length; i += 50_000) client.send(upload.slice(i, i + 50_000));
    t.judge(one, await client.response(), upload);
  },
  /** A chunked upload by a slow writer. */
  async (t, client) => {
    const one = t.one();
    let sent = '';
    client.send(`${line('PUT', one.id, one.length)}Transfer-Encoding: chunked\r\n\r\n`);
    for (let k = t.below(6); k >= 0; k--) {
      const piece = bodyOf(k, 1 + t.below(5000));
      const chunk = `${piece.length.toString(16)}\r\n${piece}\r\n${k === 0 ? '0\r\n\r\n' : ''}`;
      sent += chunk;
      client.send(chunk);
      await delay(t.below(20));
    }
    t.judge(one, await client.response(), sent);
  },
  async (t, client) => {
    const one = t.one();
    client.send(`${line('POST', one.id, one.length)}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
    if (!(await client.until(() => client.bytes > 0))) throw new Cut('no answer to an expectation');
    client.send('hello');
    t.judge(one, await client.response(), 'hello');
  },
  async (t, client) => {
    const one = t.one();
    client.send(`${line('HEAD', one.id, one.length)}\r\n`);
    t.judge(one, await client.response(true), '', true);
  },
  /** A slow reader. */
  async (t, client) => {
    const one = { ...t.one(), length: 200_000 + t.below(2_000_000) };
    client.socket.pause();
    client.send(get(one.id, one.length));
    await delay(t.below(200));
    client.socket.resume();
    t.judge(one, await client.response());
  },
  /** Ends its direction right behind its request. */
  async (t, client) => {
    const one = t.one();
    client.send(get(one.id, one.length));
    client.socket.end();
    t.judge(one, await client.response());
  },
  /** Goes away somewhere in the middle of a response, by a reset or in order. */
  async (t, client) => {
    const one = { ...t.one(), length: 300_000 };
    client.send(get(one.id, one.length));
    const least = t.below(4) * 1000;
    await client.until(() => client.bytes >= least || client.begins('HTTP/1.1 50'));
    if (t.below(2) === 0) client.reset();
    t.tally.aborted++;
  },
  /** Goes away in the middle of an upload. */
  async (t, client) => {
    const { id, length } = t.one();
    client.send(`${line('POST', id, length)}Content-Length: 100000\r\n\r\n${'x'.repeat(t.below(50_000))}`);
    await delay(t.below(20));
    if (t.below(2) === 0) client.reset();
    t.tally.aborted++;
  },
  async (t, client) => {
    const text = t.malformed();
    client.send(text);
    const got = await client.response();
    if (got.status < 400 || got.status > 505)
      t.wrong.push(`malformed ${JSON.stringify(text.slice(0, 200))} got ${got.status}`);
    t.tally.refused++;
  },
];
