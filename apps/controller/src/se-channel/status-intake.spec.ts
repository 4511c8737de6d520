import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { se } from '@spillway/protocol';
import { DataSource } from 'typeorm';
import { dataSourceOptions, migrate } from '../database/options.js';
import { PlacementWriter } from '../placement/placement-writer.js';
import type { ObjectStore } from '../store/index.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { until } from '../testing/until.js';
import { type PlacementObserved, SeEvents, type ServerVerdictChanged } from './se-events.js';
import { StatusIntake } from './status-intake.js';

const SE = 'serviceengine-1';

let database: TestDatabase;
let db: DataSource;
let intake: StatusIntake;
let observed: PlacementObserved[] = [];
let verdicts: ServerVerdictChanged[] = [];

const placement = (
  vs: string,
  state: se.PlacementState,
  more: Partial<se.PlacementStatus> = {},
): se.PlacementStatus =>
  se.PlacementStatus.fromPartial({ virtualServiceUuid: vs, vipId: '0', state, epoch: 10, ...more });

const server = (name: string, up: boolean): se.ServerStatus =>
  se.ServerStatus.fromPartial({
    poolUuid: 'pool-1',
    server: name,
    up,
    failureCode: up ? '' : 'CONNECTION_REFUSED',
    changedAt: 5,
  });

const status = (more: Partial<se.Status>): se.Status => se.Status.fromPartial(more);

/** Tells a status and waits until it is written. */
async function told(more: Partial<se.Status>): Promise<void> {
  intake.status(SE, status(more));
  await intake.written();
}

const rows = async (): Promise<Record<string, string>> => {
  const found: { vs_uuid: string; observed: string }[] = await db.query(
    'SELECT vs_uuid, observed FROM placement',
  );
  return Object.fromEntries(found.map((r) => [r.vs_uuid, r.observed]));
};

beforeAll(async () => {
  database = await testDatabase();
  db = await new DataSource(dataSourceOptions(await database.fresh())).initialize();
  await migrate(db);
}, 60_000);

beforeEach(async () => {
  await db.query('TRUNCATE placement, server_verdict');
  const events = new SeEvents((_, error) => {
    throw error;
  });
  observed = [];
  verdicts = [];
  events.on('placementObserved', (e) => observed.push(e));
  events.on('serverVerdict', (e) => verdicts.push(e));
  intake = new StatusIntake(db, events, (error) => {
    throw error;
  });
  for (const vs of ['vs-1', 'vs-2'])
    await db.query(
      `INSERT INTO placement (id, vs_uuid, vip_id, se_uuid, desired, epoch) VALUES ($1, $2, '0', $3, 'active', 10)`,
      [randomUUID(), vs, SE],
    );
});

afterAll(async () => {
  await db?.destroy();
  await database?.stop();
}, 60_000);

describe('what SEs say', () => {
  it('is written and told once', async () => {
    const news = {
      placements: [
        placement('vs-1', se.PlacementState.DRAINING, { connectionsLeft: 7, connectionsReset: 1 }),
      ],
    };
    await told(news);
    await told(news);
    expect(observed).toEqual([
      {
        seUuid: SE,
        vsUuid: 'vs-1',
        vipId: '0',
        observed: 'draining',
        code: '',
        reason: '',
        holder: '',
        connectionsLeft: 7,
        connectionsReset: 1,
      },
    ]);
  });

  it('of an earlier life of a placement is ignored, and of another SE touches nothing', async () => {
    await told({ placements: [placement('vs-1', se.PlacementState.ACTIVE, { epoch: 9 })] });
    intake.status('serviceengine-2', status({ placements: [placement('vs-1', se.PlacementState.ACTIVE)] }));
    await intake.written();
    expect(await rows()).toEqual({ 'vs-1': 'pending', 'vs-2': 'pending' });
    await told({ placements: [placement('vs-1', se.PlacementState.ACTIVE, { epoch: 11 })] });
    expect(await rows()).toEqual({ 'vs-1': 'active', 'vs-2': 'pending' });
  });

  it('in full sets back what it does not list', async () => {
    await told({
      placements: [placement('vs-1', se.PlacementState.ACTIVE), placement('vs-2', se.PlacementState.ACTIVE)],
      servers: [server('10.0.0.1:80', true), server('10.0.0.2:80', true)],
    });
    await told({
      full: true,
      placements: [placement('vs-2', se.PlacementState.ACTIVE)],
      servers: [server('10.0.0.2:80', false)],
    });
    expect(await rows()).toEqual({ 'vs-1': 'pending', 'vs-2': 'active' });
    expect(await db.query('SELECT server, up FROM server_verdict')).toEqual([
      { server: '10.0.0.2:80', up: false },
    ]);
    expect(observed.at(-1)).toMatchObject({ vsUuid: 'vs-1', observed: 'pending' });
    expect(verdicts.at(-1)).toEqual({
      seUuid: SE,
      poolUuid: 'pool-1',
      server: '10.0.0.2:80',
      up: false,
      failureCode: 'CONNECTION_REFUSED',
    });
  });

  it('that is coalesced keeps the order of what it means', async () => {
    // A full status, and news on top of it, before anything is written.
    intake.status(SE, status({ full: true, placements: [placement('vs-1', se.PlacementState.PREPARED)] }));
    intake.status(SE, status({ placements: [placement('vs-2', se.PlacementState.ACTIVE)] }));
    intake.status(SE, status({ placements: [placement('vs-1', se.PlacementState.ACTIVE)] }));
    await intake.written();
    expect(await rows()).toEqual({ 'vs-1': 'active', 'vs-2': 'active' });
  });

  it('that a full status made void before it was written is not written', async () => {
    intake.status(
      SE,
      status({
        placements: [
          placement('vs-1', se.PlacementState.ACTIVE),
          placement('vs-2', se.PlacementState.ACTIVE),
        ],
        servers: [server('10.0.0.1:80', true)],
      }),
    );
    intake.status(SE, status({ full: true, placements: [placement('vs-2', se.PlacementState.PREPARED)] }));
    await intake.written();
    expect(await rows()).toEqual({ 'vs-1': 'pending', 'vs-2': 'prepared' });
    expect(await db.query('SELECT server FROM server_verdict')).toEqual([]);
  });

  it('of servers that are no longer checked goes away', async () => {
    await told({ servers: [server('10.0.0.1:80', true), server('10.0.0.2:80', true)] });
    intake.status(SE, status({ servers: [server('10.0.0.3:80', true)] }));
    intake.prune(SE, 'pool-1', ['10.0.0.2:80']);
    await intake.written();
    expect(await db.query('SELECT server FROM server_verdict')).toEqual([{ server: '10.0.0.2:80' }]);
    intake.forget(SE);
    await intake.written();
    expect(await db.query('SELECT server FROM server_verdict')).toEqual([]);
  });

  it.each([
    ['the first', ['serviceengine-1', 'serviceengine-2']],
    ['the second', ['serviceengine-2', 'serviceengine-1']],
  ])('waits for a decision that begins with %s SE, and never in a circle', async (_, order) => {
    const writer = new PlacementWriter({ touch: () => Promise.resolve(11) } as unknown as ObjectStore);
    const other = 'serviceengine-2';
    await db.query(
      `INSERT INTO placement (id, vs_uuid, vip_id, se_uuid, desired, epoch) VALUES ($1, 'vs-1', '0', $2, 'active', 10)`,
      [randomUUID(), other],
    );
    const said = status({
      placements: [placement('vs-1', se.PlacementState.DRAINING, { epoch: 20, connectionsLeft: 7 })],
    });
    await db.transaction(async (manager) => {
      await writer.lock(manager, 'vs-1');
      const drain = (seUuid: string): Promise<boolean> =>
        writer.want(manager, { vsUuid: 'vs-1', vipId: '0', seUuid }, 'drain');
      await drain(order[0]!);
      for (const name of order.toReversed()) intake.status(name, said);
      await until(waitingForLocks, (n) => n > 0, 'the status waits for the decision');
      await drain(order[1]!);
    });
    await intake.written();
    expect(await db.query(`SELECT DISTINCT desired, observed FROM placement WHERE vs_uuid = 'vs-1'`)).toEqual(
      [{ desired: 'drain', observed: 'draining' }],
    );
  });
});

async function waitingForLocks(): Promise<number> {
  const [row]: { n: number }[] = await db.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return row?.n ?? 0;
}
