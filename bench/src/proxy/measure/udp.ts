import { eventually, run, withScope } from '@spillway/testing';
import { startPinned } from '../peers/start.js';
import { UDP_ECHO_PORT } from '../peers/ports.js';
import { median } from './judge.js';
import type { Bench, Measurement } from './measurement.js';

const CLIENTS = 16;

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
      const { where, cores, rounds, seconds } = bench;
      await startPinned(scope, [cores.origin], where.native.udp, ['echo', String(UDP_ECHO_PORT)]);
      await eventually(async () => (await ping(bench, UDP_ECHO_PORT, 0.1)).roundtrips > 0, {
        what: 'the UDP echo server',
      });
      const runs: RoundTrips[] = [];
      for (let round = 0; round < rounds; round++) runs.push(await ping(bench, UDP_ECHO_PORT, seconds));
      const direct = median(runs.map((r) => r.roundtrips / r.seconds));
      return {
        rows: [
          {
            promise: `${udp.about}: x direct path`,
            budget: '-',
            measured: `the SE does not serve udp yet; direct path ${direct.toFixed(0)}/s`,
            figures: { direct },
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
