import { eventually, run, withScope } from '@spillway/testing';
import { startContestant, startPinned } from '../peers/start.js';
import { portOf, UDP_ECHO_PORT } from '../peers/ports.js';
import { median } from './judge.js';
import type { Bench, Measurement } from './measurement.js';

const CLIENTS = 16;
const PATHS = ['direct', 'spillway'] as const;

interface RoundTrips {
  seconds: number;
  roundtrips: number;
  lost: number;
  cpu: number;
}

/** Round trips of datagrams through the SE against the direct path. */
export const udp: Measurement = {
  about: 'UDP round trips, 16 clients, 100 B',
  run: (bench) =>
    withScope('bench-udp', async (scope) => {
      const { where, cores, setting, rounds, seconds } = bench;
      await startPinned(scope, [cores.origin], where.native.udp, ['echo', String(UDP_ECHO_PORT)]);
      await eventually(async () => (await ping(bench, UDP_ECHO_PORT, 0.1)).roundtrips > 0, {
        what: 'the UDP echo server',
      });
      await startContestant(scope, 'spillway', setting);
      const paths = { direct: UDP_ECHO_PORT, spillway: portOf('spillway', 'udp') };
      await eventually(async () => (await ping(bench, paths.spillway, 0.5)).roundtrips > 0, {
        what: 'datagrams to come back through the SE',
      });
      await ping(bench, paths.spillway, 2);
      const runs: Record<keyof typeof paths, RoundTrips[]> = { direct: [], spillway: [] };
      for (let round = 0; round < rounds; round++)
        for (const path of round % 2 === 0 ? PATHS : PATHS.toReversed())
          runs[path].push(await ping(bench, paths[path], seconds));
      const rate = ({ roundtrips, seconds: s }: RoundTrips): number => roundtrips / s;
      const ratio = median(runs.spillway.map((r, i) => rate(r) / rate(runs.direct[i]!)));
      const lost = runs.spillway.reduce((sum, r) => sum + r.lost, 0);
      const ours = median(runs.spillway.map(rate));
      const direct = median(runs.direct.map(rate));
      return {
        rows: [
          {
            promise: `${udp.about}: x direct path`,
            budget: '-',
            measured: `${ratio.toFixed(2)} (${ours.toFixed(0)}/s of ${direct.toFixed(0)}/s, ${lost} lost)`,
            figures: { ratio, ours, direct, lost },
          },
        ],
        figures: [],
        notes: [],
        raw: runs,
      };
    }),
};

async function ping({ where, cores }: Bench, port: number, seconds: number): Promise<RoundTrips> {
  const args = ['ping', String(port), String(seconds), String(CLIENTS), cores.load.join(',')];
  const { stdout } = await run(where.native.udp, args, { timeout: (seconds + 30) * 1000 });
  return JSON.parse(stdout) as RoundTrips;
}
