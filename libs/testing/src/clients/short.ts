import { now } from '../http/connection.js';
import { header } from '../http/response-parser.js';
import { sleep } from '../process/eventually.js';
import type { ClientContext } from './context.js';
import type { Ticket, TrackedConnection } from './ledger.js';
import { verify } from './verify.js';

/** Pause after a failed request of a closed loop, so that a dead target is not hammered. */
const BACK_OFF = 10;

/** One client of the sort `keep-alive`: request after request on one connection as long as it may be used. */
export async function keepAliveClient(context: ClientContext): Promise<void> {
  const { ledger, pacer } = context;
  let current: TrackedConnection | undefined;
  while ((await pacer.take()) !== undefined) {
    if (current && !current.connection.usable) {
      context.done(current);
      current = undefined;
    }
    const ticket = ledger.begin(current === undefined);
    try {
      current ??= await context.open(ticket);
      ticket.connection = current;
      await exchange(context, ticket, current);
    } catch (error) {
      ledger.fail(ticket, error);
      await sleep(BACK_OFF);
    }
    if (current?.connection.announcedAt !== undefined) {
      ledger.announcedCloses++;
      context.done(current);
      current = undefined;
    }
  }
  if (current) context.done(current);
}

/** One client of the sort `new-connection` in a closed loop. */
export async function newConnectionClient(context: ClientContext): Promise<void> {
  while ((await context.pacer.take()) !== undefined) {
    const failed = context.ledger.failed;
    await oneShot(context, now());
    if (context.ledger.failed > failed) await sleep(BACK_OFF);
  }
}

/** One request on a connection of its own. */
export async function oneShot(context: ClientContext, startedAt: number): Promise<void> {
  const ticket = context.ledger.begin(true, startedAt);
  try {
    const tracked = await context.open(ticket);
    try {
      await exchange(context, ticket, tracked);
    } finally {
      context.done(tracked);
    }
  } catch (error) {
    context.ledger.fail(ticket, error);
  }
}

async function exchange(context: ClientContext, ticket: Ticket, tracked: TrackedConnection): Promise<void> {
  const { request = {}, expect = {}, requestTimeout, seHeader } = context.config;
  const response = await tracked.connection.request({
    path: request.path ?? '/',
    ...(request.method !== undefined && { method: request.method }),
    ...(request.headers && { headers: request.headers }),
    ...(context.body && { body: context.body }),
    ...(requestTimeout !== undefined && { timeout: requestTimeout }),
  });
  verify(response, expect);
  const se = seHeader === undefined ? undefined : header(response.head, seHeader.toLowerCase());
  context.ledger.succeed(ticket, header(response.head, 'x-origin'), se);
}
