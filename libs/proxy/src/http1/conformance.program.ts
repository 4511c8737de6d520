import {
  freePorts,
  HTTP1_CASES,
  nameOf,
  runAll,
  ScriptedOrigin,
  SETTINGS,
  type Front,
} from '@spillway/testing/conformance';
import { Rig } from '../suite/rig.js';

/** The HTTP/1.1 cases against the engine on the transport of this runtime; a line for each that does not hold. */
const only = process.argv[2];
const cases = HTTP1_CASES.filter((c) => only === undefined || nameOf(c).includes(only));
const rig = await Rig.make();
const fronts: Front[] = [];
for (const settings of ['plain', 'plain', 'plain', 'forwarded', 'narrow', 'tight', 'tight', 'tight'] as const)
  fronts.push({ settings, port: (await freePorts(1))[0]!, origin: await ScriptedOrigin.start() });
await rig.apply(
  fronts.map((front, i) => ({
    uuid: `vs-${i}`,
    ports: [front.port],
    http: SETTINGS[front.settings],
    pool: `pool-${i}`,
  })),
  Object.fromEntries(fronts.map((front, i) => [`pool-${i}`, { servers: [{ port: front.origin.port }] }])),
);
const failures = await runAll(cases, fronts);
for (const { name, told } of failures) process.stdout.write(`not ok ${name}: ${told}\n`);
process.stdout.write(`ok ${cases.length - failures.length} of ${cases.length} cases\n`);
process.exit(failures.length === 0 ? 0 : 1);
