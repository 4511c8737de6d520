import { Client, until } from '../client.js';
import type { ScriptedOrigin } from '../origin.js';
import { attacks, streamAttacks } from './grammar.js';
import { cut, PERSONALITIES } from './personalities.js';
import { sendStream } from './stream.js';

/** A virtual service in front of one origin. */
export interface Path {
  readonly port: number;
  readonly origin: ScriptedOrigin;
}

export type Mode = 'keep-alive' | 'close';

/** What came of one attack. */
interface Outcome {
  readonly name: string;
  /** Responses of the origin that the client got: as many requests as the proxy has read. */
  readonly passed: number;
  /** Bytes of each connection at the origin. */
  readonly atOrigin: readonly string[];
  /** The request was given up in its middle, and the origin told by a reset. */
  readonly aborted: boolean;
}

export interface Report {
  attacks: number;
  /** Attacks of which the origin saw nothing but the requests behind them. */
  refused: number;
  /** Attacks that the origin got, in one reading. */
  passed: number;
  failures: string[];
}

const VICTIM = 'GET /victim HTTP/1.1\r\nHost: victim\r\n\r\n';
const VICTIM_AT_ORIGIN = new RegExp(VICTIM, 'gi');

/** Sends every attack of HTTP/1.1, the request of a victim behind it, and judges what the origin got. */
export async function http1Matrix(paths: readonly Path[], mode: Mode): Promise<Report> {
  const report: Report = { attacks: 0, refused: 0, passed: 0, failures: [] };
  const queue = attacks(mode);
  await Promise.all(
    paths.map(async (path) => {
      for (const attack of queue) {
        const outcome = await send(path, attack.name, attack.bytes + VICTIM);
        judge(outcome, report);
      }
    }),
  );
  return report;
}

/** The same over HTTP/2 without TLS (prior knowledge). */
export async function http2Matrix(paths: readonly Path[], mode: Mode): Promise<Report> {
  const report: Report = { attacks: 0, refused: 0, passed: 0, failures: [] };
  const queue = streamAttacks();
  await Promise.all(
    paths.map(async (path) => {
      for (const attack of queue) {
        path.origin.script([]);
        const passed = await sendStream(path.port, attack, mode);
        judge(await outcomeOf(path.origin, attack.name, passed), report);
      }
    }),
  );
  return report;
}

async function send({ port, origin }: Path, name: string, bytes: string): Promise<Outcome> {
  origin.script([]);
  const client = new Client(port);
  await client.opened();
  client.send(bytes);
  client.end();
  await until(
    () => client.closed || client.ended,
    () => `${name}: the proxy neither answers nor ends, it has said ${JSON.stringify(client.text)}`,
  ).catch((error: unknown) => client.fail(String(error)));
  const passed = client.text.split('\r\n\r\nok').length - 1;
  client.destroy();
  const outcome = await outcomeOf(origin, name, passed);
  return client.failure === null ? outcome : { ...outcome, name: `${name} (${client.failure})`, passed: -1 };
}

async function outcomeOf(origin: ScriptedOrigin, attack: string, passed: number): Promise<Outcome> {
  origin.endAll();
  const left = await until(
    () => origin.open === 0,
    () => 'its connections to the origin do not end',
  ).then(
    () => '',
    (error: Error) => ` (${error.message})`,
  );
  origin.dropAll();
  return {
    name: attack + left,
    passed: left === '' ? passed : -1,
    atOrigin: origin.received(),
    aborted: origin.seen.some((s) => s.reset),
  };
}

/** Adds the outcome to the report: every personality has to find the same requests, as many as were answered. */
function judge(outcome: Outcome, report: Report): void {
  report.attacks++;
  const trouble = ambiguity(outcome);
  if (trouble !== null)
    report.failures.push(`${outcome.name}: ${trouble}; the origin got ${JSON.stringify(outcome.atOrigin)}`);
  const attacked = outcome.atOrigin.some((b) => b.replaceAll(VICTIM_AT_ORIGIN, '') !== '');
  if (attacked) report.passed++;
  else report.refused++;
}

function ambiguity({ atOrigin, aborted, passed }: Outcome): string | null {
  let complete = 0;
  for (const bytes of atOrigin) {
    const found = readings(bytes, aborted);
    if (typeof found === 'string') return found;
    complete += found;
  }
  return complete === passed ? null : `${complete} requests for ${passed} responses`;
}

/**
 * How many requests the bytes of one connection hold, if every personality finds the same ones; else how they differ.
 * @param aborted what is incomplete at the end was given up: in that part nobody's reading counts
 */
export function readings(bytes: string, aborted: boolean): number | string {
  const [book, ...others] = PERSONALITIES.map((p) => ({ personality: p.name, ...cut(bytes, p) }));
  const { requests, rest } = book!;
  if (rest < bytes.length && !aborted) return 'an incomplete request that nobody gave up';
  const wanted = JSON.stringify(requests);
  for (const other of others) {
    const found = JSON.stringify(other.requests.filter((r) => r.start < rest));
    if (found !== wanted) return `"${other.personality}" finds ${found}, by the book it is ${wanted}`;
  }
  return requests.length;
}
