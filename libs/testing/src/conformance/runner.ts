import { Client, until } from './client.js';
import { OK, type Case, type Own, type SettingsName, type Step } from './case.js';
import { PROBE, type ScriptedOrigin } from './origin.js';

/** A proxy in front of one origin of ours, under one of the settings. */
export interface Front {
  readonly settings: SettingsName;
  /** Where its virtual service listens, on 127.0.0.1. */
  readonly port: number;
  readonly origin: ScriptedOrigin;
}

/** What went wrong, one entry per case. */
export interface Failure {
  readonly name: string;
  readonly told: string;
}

/** One case after the other on each front; cases are dealt to the fronts with their settings. */
export async function runAll(cases: readonly Case[], fronts: readonly Front[]): Promise<Failure[]> {
  const failures: Failure[] = [];
  const queues = new Map<SettingsName, Case[]>();
  for (const c of cases) {
    const settings = c.settings ?? 'plain';
    const queue = queues.get(settings) ?? [];
    queue.push(c);
    queues.set(settings, queue);
  }
  const lane = async (front: Front): Promise<void> => {
    const queue = queues.get(front.settings) ?? [];
    for (let c = queue.shift(); c !== undefined; c = queue.shift()) {
      const told = await trouble(c, front);
      if (told !== null) failures.push({ name: nameOf(c), told });
    }
  };
  await Promise.all(fronts.map(lane));
  return failures;
}

export const nameOf = (c: Case): string => `${c.clause}: ${c.name}`;

/** Why the case does not hold; null when it does. */
async function trouble(c: Case, front: Front): Promise<string | null> {
  const { origin } = front;
  const answers = c.origin === undefined ? [] : Array.isArray(c.origin) ? c.origin : [c.origin];
  origin.script(answers as readonly string[]);
  const client = new Client(front.port);
  try {
    await client.opened();
    const steps = (Array.isArray(c.client) ? c.client : [c.client]) as readonly Step[];
    for (const step of steps) await perform(step, client, origin);
    await (typeof c.atClient === 'string'
      ? expectBytes(c, c.atClient, client, origin)
      : expectOwn(c.atClient, client, origin));
    await expectOrigin(c, origin);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    client.destroy();
    origin.endAll();
    await until(
      () => origin.open === 0,
      () => 'the connections to the origin do not end',
    ).catch(() => undefined);
  }
}

async function perform(step: Step, client: Client, origin: ScriptedOrigin): Promise<void> {
  if (typeof step === 'string') client.send(step);
  else if ('bytewise' in step)
    for (const byte of step.bytewise) {
      client.send(byte);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  else if ('awaits' in step)
    await until(
      () => client.text.includes(step.awaits) || client.closed,
      () => `the client waits for ${show(step.awaits)}, has ${show(client.text)}`,
    );
  else if ('reaches' in step)
    await until(
      () => origin.seen.some((s) => s.bytes.includes(step.reaches)),
      () =>
        `the origin waits for ${show(step.reaches)}, has ${show(origin.seen.map((s) => s.bytes).join('|'))}`,
    );
  else if (step.does === 'end') client.end();
  else client.reset();
}

async function expectBytes(c: Case, wanted: string, client: Client, origin: ScriptedOrigin): Promise<void> {
  const fate = c.fate ?? 'kept';
  const went = (c.client as readonly Step[]).at?.(-1);
  if (typeof went === 'object' && 'does' in went && went.does === 'reset') return;
  await until(
    () => client.text.length >= wanted.length || client.closed,
    () => `the client waits for ${show(wanted)}, has ${show(client.text)}`,
  );
  origin.releaseResets();
  if (fate === 'kept') {
    same('the client got', client.text, wanted);
    client.send(PROBE);
    await until(
      () => client.text.length >= wanted.length + OK.length || client.ended,
      () => `no response to another request, only ${show(client.text)}`,
    );
    check(client.text.length > wanted.length, 'the connection is not usable afterwards');
    return;
  }
  await until(
    () => client.ended || client.closed,
    () => `the connection should be ${fate}; it is open, with ${show(client.text)}`,
  );
  same('the client got', client.text, wanted);
  if (fate === 'reset') {
    await until(
      () => client.closed,
      () => 'the connection ended in order where a reset is due',
    );
    check(client.error === 'ECONNRESET', 'the connection ended in order where a reset is due');
  } else check(client.error === null, `the connection ended with ${client.error}`);
}

async function expectOwn(own: Own, client: Client, origin: ScriptedOrigin): Promise<void> {
  origin.releaseResets();
  const after = own.after ?? '';
  const whole = (): RegExpExecArray | null =>
    /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n[^]*?\r\n\r\n/.exec(client.text.slice(after.length));
  await until(
    () => whole() !== null || client.ended || client.closed,
    () => `the client waits for a ${own.status}, has ${show(client.text)}`,
  );
  check(
    client.text.startsWith(after),
    `the client should first get ${show(after)}, has ${show(client.text)}`,
  );
  const found = whole();
  check(
    found !== null && found[1] === `${own.status}`,
    `wanted a ${own.status}, got ${show(client.text.slice(after.length))}`,
  );
  const head = found[0];
  const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? '0');
  const start = after.length + head.length;
  const end = start + (own.bodiless === true ? 0 : length);
  await until(
    () => client.text.length >= end || client.ended,
    () => 'the own response has no whole body',
  );
  if (own.bodiless !== true)
    check(
      client.text.slice(start, end).includes(own.says),
      `wanted ${show(own.says)}, got ${show(client.text.slice(start))}`,
    );
  for (const field of own.fields ?? [])
    check(head.includes(`\r\n${field}\r\n`), `no ${show(field)} in ${show(head)}`);
  const closes = /\r\nconnection: close\r\n/i.test(head);
  check(
    closes === (own.kept !== true),
    `Connection: close is ${closes ? 'there' : 'missing'} in ${show(head)}`,
  );
  if (own.kept === true) {
    client.send(PROBE);
    await until(
      () => client.text.length >= end + OK.length || client.ended,
      () => 'the connection is not usable',
    );
    check(client.text.length > end, 'the connection is not usable after the response');
  } else {
    await until(
      () => client.ended || client.closed,
      () => 'the connection stays open after the refusal',
    );
    same('behind the refusal the client got', client.text.slice(end), '');
    check(client.error === null, `the connection ended with ${client.error}`);
  }
}

async function expectOrigin(c: Case, origin: ScriptedOrigin): Promise<void> {
  const bytes = (): string[] => origin.received();
  const wanted = c.atOrigin.filter((b) => b !== '');
  const arrived = (): boolean =>
    bytes().length >= wanted.length && wanted.every((w, i) => bytes()[i]!.length >= w.length);
  await until(arrived, () => `the origin should get ${show(wanted)}, has ${show(bytes())}`);
  same('the origin got', show(bytes()), show(wanted));
  if (c.abortsOrigin === true)
    await until(
      () => origin.seen.length > 0 && origin.seen.every((s) => s.reset),
      () => 'the origin is not told that the request was given up',
    );
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.length > 1200 ? `${text.slice(0, 900)} … ${text.slice(-200)} (${text.length})` : text;
};

function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

function same(what: string, got: string, wanted: string): void {
  if (got !== wanted) throw new Error(`${what} ${show(got)}\n  wanted ${show(wanted)}`);
}
