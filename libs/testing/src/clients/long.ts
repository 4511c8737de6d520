import { now } from '../http/connection.js';
import { RequestFailure } from '../http/failure.js';
import { header } from '../http/response-parser.js';
import { sleep } from '../process/eventually.js';
import type { ClientContext } from './context.js';
import type { Ticket, TrackedConnection } from './ledger.js';

const BACK_OFF = 100;
/** The longest time setTimeout takes: a long-lived response has no other limit than its silence. */
const NO_LIMIT = 2 ** 31 - 1;

/** One long-lived client: holds one connection, and opens another when it has ended (unless told not to). */
export async function longLivedClient(context: ClientContext): Promise<void> {
  const { ledger, pacer, config } = context;
  while ((await pacer.take()) !== undefined) {
    const ticket = ledger.begin(true);
    try {
      const tracked = await context.open(ticket);
      try {
        if (config.sort === 'stream') await stream(context, ticket, tracked);
        else await tunnel(context, ticket, tracked);
      } finally {
        if (ticket.established) context.established--;
        context.done(tracked);
      }
    } catch (error) {
      ledger.fail(ticket, error);
      if (!context.stopping) await sleep(BACK_OFF);
    }
    if (config.reopen === false) return;
  }
}

/** Silence on one long-lived connection. */
class Silence {
  #lastAt = now();
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly context: ClientContext,
    limit: number,
    stalled: (failure: RequestFailure) => void,
  ) {
    this.#timer = setInterval(
      () => {
        const silent = now() - this.#lastAt;
        if (silent > limit) {
          stalled(new RequestFailure('stalled', `nothing for ${Math.round(silent)} ms`));
        }
      },
      Math.max(10, Math.min(250, limit / 4)),
    );
  }

  /** Something is expected from now on. */
  expect(): void {
    this.#lastAt = now();
  }

  /** Something came. */
  broken(): void {
    const at = now();
    this.context.maxSilence = Math.max(this.context.maxSilence, at - this.#lastAt);
    this.#lastAt = at;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

function established(context: ClientContext, ticket: Ticket): void {
  if (ticket.established) return;
  context.ledger.establish(ticket);
  context.established++;
}

async function stream(context: ClientContext, ticket: Ticket, tracked: TrackedConnection): Promise<void> {
  const { config, ledger } = context;
  const { connection } = tracked;
  const silence = new Silence(context, config.stallTimeout ?? 5_000, (failure) => connection.giveUp(failure));
  let text = '';
  let next = 0;
  let origin: string | undefined;
  try {
    await connection.request({
      path: config.request?.path ?? '/stream',
      timeout: NO_LIMIT,
      ...(config.request?.headers && { headers: config.request.headers }),
      onHead: (head) => {
        if (head.status !== 200) {
          throw new RequestFailure('bad_status', `status ${head.status} instead of 200`, head.status);
        }
        origin = header(head, 'x-origin');
        const se = config.seHeader && header(head, config.seHeader.toLowerCase());
        if (se) ledger.served(tracked, se);
      },
      onBody: (chunk) => {
        silence.broken();
        text += chunk.toString('latin1');
        for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
          const line = text.slice(0, end);
          text = text.slice(end + 1);
          const wanted = `${next} ${origin ?? ''}`.trimEnd();
          if (line !== wanted) {
            throw new RequestFailure(
              'wrong_body',
              `line ${JSON.stringify(line)} instead of ${JSON.stringify(wanted)}`,
            );
          }
          next++;
          context.messages++;
          established(context, ticket);
          ledger.countForSe(tracked, now());
        }
      },
    });
    ledger.succeed(ticket, origin, undefined);
  } finally {
    silence.end();
  }
}

async function tunnel(context: ClientContext, ticket: Ticket, tracked: TrackedConnection): Promise<void> {
  const { config, ledger } = context;
  const { connection } = tracked;
  let rest = Buffer.alloc(0);
  if (config.sort === 'tcp') connection.beginRaw();
  else {
    const response = await connection.request({
      path: config.request?.path ?? '/',
      headers: { ...config.request?.headers, Connection: 'Upgrade', Upgrade: 'echo' },
      ...(config.requestTimeout !== undefined && { timeout: config.requestTimeout }),
    });
    const { status } = response.head;
    if (status !== 101) throw new RequestFailure('bad_status', `status ${status} instead of 101`, status);
    rest = Buffer.from(response.rest);
  }
  if (rest.length > 0) throw new RequestFailure('wrong_body', `${rest.length} bytes before the first ping`);
  await pingUntilCut(context, ticket, tracked);
  // Only a failure ends a tunnel before its client does.
  ledger.aborted++;
}

/** Rejects when the connection ends or a ping does not come back right; resolves when the client closed it. */
function pingUntilCut(context: ClientContext, ticket: Ticket, tracked: TrackedConnection): Promise<void> {
  const { config, ledger } = context;
  const { connection } = tracked;
  const interval = config.pingInterval ?? 500;
  return new Promise<void>((resolve, reject) => {
    let count = 0;
    let sentAt = 0;
    let expected = '';
    let timer: NodeJS.Timeout | undefined;
    const silence = new Silence(context, config.stallTimeout ?? 5_000, (failure) => {
      if (expected !== '') fail(failure);
    });
    const finish = () => {
      clearTimeout(timer);
      silence.end();
    };
    const fail = (failure: RequestFailure) => {
      finish();
      reject(failure);
    };
    const ping = () => {
      if (connection.ended !== 'open') {
        finish();
        resolve();
        return;
      }
      expected = `ping ${count++} of ${connection.localPort}\n`;
      sentAt = now();
      silence.expect();
      connection.write(expected);
    };
    connection.onUpgraded = {
      data: (chunk) => {
        const text = chunk.toString('latin1');
        if (!expected.startsWith(text)) {
          fail(new RequestFailure('wrong_body', `${JSON.stringify(text.slice(0, 100))} came back`));
          return;
        }
        expected = expected.slice(text.length);
        if (expected !== '') return;
        silence.broken();
        context.messages++;
        ledger.latency.add(now() - sentAt);
        established(context, ticket);
        ledger.countForSe(tracked, now());
        if (interval > 0) timer = setTimeout(ping, interval);
      },
      end: (how) =>
        fail(new RequestFailure('truncated', `${how === 'reset' ? 'RST' : 'FIN'} after ${count} pings`)),
      abort: () => {
        finish();
        resolve();
      },
    };
    ping();
  });
}
