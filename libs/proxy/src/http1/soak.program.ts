import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { HEALTH, VS } from '@spillway/telemetry';
import { MoodyOrigin, Random, Traffic } from '@spillway/testing/soak';
import { check, equal, runCases, until, type Case } from '../suite/cases.js';
import { freePort } from '../suite/ports.js';
import { Rig } from '../suite/rig.js';

/**
 * Everything odd at once, for a few seconds (SOAK_SECONDS), on the transport of this runtime: hostile clients, moody
 * servers, edits and health changes all the while. No complete response may be wrong, nothing may hang, and nothing
 * may be left at the end.
 */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? '5');
const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000);
const rig = await Rig.make();
const port = await freePort();

const descriptors = (): number => readdirSync('/proc/self/fd').length;

const cases: Case[] = [
  {
    name: `everything odd at once for ${SECONDS} s (seed ${seed})`,
    async run() {
      const random = new Random(seed);
      const origins = [new MoodyOrigin(random), new MoodyOrigin(random), new MoodyOrigin(random)];
      for (const origin of origins) await origin.start();
      const apply = (n: number): Promise<void> =>
        rig.apply([{ ports: [port] }], {
          pool: {
            algorithm: n % 2 === 0 ? 'round_robin' : 'least_connections',
            graceful_disable_timeout: -1,
            servers: origins.map((o, i) => ({
              port: o.port,
              ratio: 1 + (n % 3),
              state: n % 4 === i ? ('draining' as const) : ('enabled' as const),
            })),
          },
        });
      await apply(3);
      const baseline = descriptors();
      const end = performance.now() + SECONDS * 1000;
      const stop = (): boolean => performance.now() > end;
      const edits = async (): Promise<void> => {
        for (let n = 0; !stop(); n++) {
          await apply(n);
          const o = origins[n % 3]!;
          rig.health('pool', o.port, HEALTH.DOWN);
          rig.health('pool', o.port, HEALTH.UP);
          await delay(20);
        }
      };
      const traffic = new Traffic(port, random);
      await Promise.all([traffic.run(12, 4, stop), edits()]);
      const { wrong, tally } = traffic;
      equal(wrong.slice(0, 5), [], `wrong (of ${wrong.length}); ${JSON.stringify(tally)}`);
      check(Object.values(tally).every((n) => n > 0) && tally.complete > 50, JSON.stringify(tally));
      const counters = (): Float64Array => rig.mapping.serviceTotals(0).counters;
      await until(() => counters()[VS.CONNECTIONS_ACTIVE] === 0, 'no client connection');
      equal(counters()[VS.REQUESTS_ACTIVE], 0, 'requests under way');
      equal(
        origins.map((o) => rig.mapping.activeOf(rig.slot('pool', o.port))),
        [0, 0, 0],
        'busy server connections',
      );
      equal(rig.transport.queuedBytes(), 0, 'queued bytes');
      for (const o of origins) o.kill();
      await until(() => descriptors() <= baseline, `descriptors: ${baseline} before, ${descriptors()} after`);
    },
  },
];

await runCases(cases);
