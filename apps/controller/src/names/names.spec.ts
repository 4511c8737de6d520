import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ResolvedName } from '@spillway/translator';
import { DnsServer } from '@spillway/testing';
import fc from 'fast-check';
import { type Answer, DnsClient, type FamilyAnswer } from './answer.js';
import { dnsServersOf } from './dns-servers.js';
import { NameKeeper } from './name-keeper.js';
import { afterAnswer, forgotten, ttlOf } from './resolved-name.js';

const NONE: FamilyAnswer = { is: 'none' };
const FAILED: FamilyAnswer = { is: 'failed', reason: 'ESERVFAIL' };
const some = (...addresses: string[]): FamilyAnswer => ({ is: 'some', addresses, ttl: 30 });
const NAME = 'app.example';
const after = (
  known: ResolvedName | undefined,
  v4: FamilyAnswer,
  v6: FamilyAnswer = NONE,
  now = 1000,
): ResolvedName => afterAnswer(NAME, known, { v4, v6 }, now);

/** Any answer for a family. */
const family = (prefix: string): fc.Arbitrary<FamilyAnswer> =>
  fc.oneof(
    fc.constant(NONE),
    fc.constant(FAILED),
    fc
      .uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1 })
      .map((list) => some(...list.map((n) => `${prefix}${n}`))),
  );

/** The addresses that it has now. */
const live = (n: ResolvedName | undefined): string[] =>
  (n?.addresses ?? []).filter((a) => a.gone_at === undefined).map((a) => a.address);

/** When to ask again. */
const ttl = (seconds: number): number | undefined =>
  ttlOf({ v4: { is: 'some', addresses: ['10.0.0.1'], ttl: seconds }, v6: some('fd00::1') });

describe('what is known of a name', () => {
  const known = after(undefined, some('10.0.0.2', '10.0.0.1'), some('fd00::1'));

  it('is all its addresses, in an order of their own', () => {
    expect(known).toEqual({
      name: NAME,
      addresses: [{ address: '10.0.0.1' }, { address: '10.0.0.2' }, { address: 'fd00::1' }],
    });
    expect(after(known, some('10.0.0.1', '10.0.0.2'), some('fd00::1'))).toEqual(known);
  });

  it.each([
    [NONE, NONE, 'DNS has no address for app.example'],
    [FAILED, NONE, 'DNS could not be asked for app.example: ESERVFAIL'],
    [FAILED, FAILED, 'DNS could not be asked for app.example: ESERVFAIL'],
  ])('loses nothing by an answer without an address', (v4, v6, failure) => {
    expect(after(known, v4, v6)).toEqual({ ...known, failure });
    expect(after(undefined, v4, v6)).toEqual({ name: NAME, addresses: [], failure });
  });

  it('keeps the family that could not be asked', () => {
    expect(after(known, some('10.0.0.1', '10.0.0.2'), FAILED)).toEqual(known);
    expect(after(known, some('10.0.0.1', '10.0.0.2'), NONE).addresses[2]).toEqual({
      address: 'fd00::1',
      gone_at: 1000,
    });
  });

  it('remembers since when an address is gone, until it comes back', () => {
    const shrunk = after(known, some('10.0.0.1'), some('fd00::1'), 5000);
    expect(shrunk.addresses[1]).toEqual({ address: '10.0.0.2', gone_at: 5000 });
    expect(after(shrunk, some('10.0.0.1'), some('fd00::1'), 9000)).toEqual(shrunk);
    expect(after(shrunk, some('10.0.0.1', '10.0.0.2'), some('fd00::1'), 9000)).toEqual(known);
  });

  it('forgets an address when every pool has had the time to leave it', () => {
    const shrunk = after(known, some('10.0.0.1'), some('fd00::1'), 5000);
    const at = (now: number, keep: boolean, leave = 60_000): unknown =>
      forgotten(shrunk, { leave, keep }, now).addresses[1];
    expect(at(64_999, false)).toEqual({ address: '10.0.0.2', gone_at: 5000 });
    expect(at(65_000, false)).toEqual({ address: 'fd00::1' });
    expect(at(65_000, true)).toEqual({ address: '10.0.0.2', gone_at: 5000, over: true });
    expect(at(Number.MAX_SAFE_INTEGER, false, Infinity)).toEqual({ address: '10.0.0.2', gone_at: 5000 });
  });

  it('never loses all addresses, whatever the answers', () => {
    const answer = fc.record({ v4: family('10.0.0.'), v6: family('fd00::') });
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 12 }), (answers) => {
        let now = 0;
        let held: ResolvedName | undefined;
        for (const one of answers) {
          now += 40_000;
          const last: ResolvedName = forgotten(
            afterAnswer(NAME, held, one, now),
            { leave: 60_000, keep: false },
            now,
          );
          if (live(held).length > 0) expect(live(last).length).toBeGreaterThan(0);
          for (const f of [one.v4, one.v6])
            if (f.is === 'some') expect(live(last)).toEqual(expect.arrayContaining([...f.addresses]));
          expect(new Set(last.addresses.map((a) => a.address)).size).toBe(last.addresses.length);
          held = last;
        }
      }),
    );
  });

  it('is asked for again after the shortest time to live, within bounds', () => {
    expect([ttl(0), ttl(7), ttl(40), ttlOf({ v4: NONE, v6: FAILED })]).toEqual([1, 7, 30, undefined]);
    expect(ttlOf({ v4: { is: 'some', addresses: ['10.0.0.1'], ttl: 1e6 }, v6: NONE })).toBe(3600);
  });
});

describe('dnsServersOf', () => {
  const system = { dns_configuration: { server_list: [{ addr: '10.0.0.2' }, { addr: 'ns.example' }] } };
  it('prefers the environment to the settings, and those to the host', () => {
    expect(dnsServersOf(['10.0.0.1:53'], system)).toEqual(['10.0.0.1:53']);
    expect(dnsServersOf([], system)).toEqual(['10.0.0.2']);
    expect(dnsServersOf([], {})).toEqual([]);
  });
});

describe('DNS over the network', () => {
  let server: DnsServer;
  const client = new DnsClient();
  beforeAll(async () => {
    server = await DnsServer.start();
    client.use([`127.0.0.1:${server.port}`]);
  });
  afterAll(() => server.stop());

  it('tells addresses with their time to live, and what is not there from what cannot be asked', async () => {
    server.set('both.example', { addresses: ['10.0.0.1', 'fd00::a:1', '10.0.0.2'], ttl: 7 });
    expect(await client.ask('both.example')).toEqual({
      v4: { is: 'some', addresses: ['10.0.0.1', '10.0.0.2'], ttl: 7 },
      v6: { is: 'some', addresses: ['fd00::a:1'], ttl: 7 },
    });
    server.set('empty.example', { addresses: [] });
    for (const name of ['empty.example', 'absent.example'])
      expect(await client.ask(name)).toEqual({ v4: NONE, v6: NONE });
    server.set('half.example', { addresses: ['10.0.0.1'], fails: 'servfail', failsFor: 'v6' });
    expect(await client.ask('half.example')).toMatchObject({
      v4: { is: 'some' },
      v6: { is: 'failed', reason: 'ESERVFAIL' },
    });
    expect(await client.ask('..not a name')).toMatchObject({ v4: { is: expect.not.stringMatching('some') } });
  });

  it('is asked again as its records run out, and less and less when it is of no use', async () => {
    server.set('kept.example', { addresses: ['10.0.0.1'], ttl: 1 });
    const answers: Answer[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const keeper = new NameKeeper(
      client.ask,
      async (_name, answer) => {
        answers.push(answer);
        if (answers.length === 2) resolve();
      },
      () => undefined,
    );
    keeper.keep(['kept.example', 'absent.example']);
    await promise;
    keeper.keep([]);
    keeper.close();
    expect(server.asked('kept.example')).toBeGreaterThanOrEqual(2);
  });
});
