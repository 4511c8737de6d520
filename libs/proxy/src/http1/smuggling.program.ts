import {
  freePorts,
  http1Matrix,
  http2Matrix,
  ScriptedOrigin,
  SETTINGS,
  type Path,
} from '@spillway/testing/conformance';
import { Rig } from '../suite/rig.js';

/** The smuggling matrix of HTTP/1.1 and HTTP/2 against the engine on the transport of this runtime. */
const rig = await Rig.make();
const paths: Path[] = [];
for (const port of await freePorts(8)) paths.push({ port, origin: await ScriptedOrigin.start() });
await rig.apply(
  paths.map(({ port }, i) => ({
    uuid: `vs-${i}`,
    ports: [port],
    services: [{ port, port_range_end: port, enable_http2: true }],
    http: SETTINGS.plain,
    pool: `pool-${i}`,
  })),
  Object.fromEntries(paths.map(({ origin }, i) => [`pool-${i}`, { servers: [{ port: origin.port }] }])),
);
let failed = 0;
for (const mode of ['keep-alive', 'close'] as const)
  for (const [protocol, matrix] of Object.entries({ 'HTTP/1.1': http1Matrix, 'HTTP/2': http2Matrix })) {
    const { failures, attacks, refused, passed } = await matrix(paths, mode);
    failed += failures.length;
    for (const failure of failures) process.stdout.write(`not ok ${protocol}, ${mode}: ${failure}\n`);
    process.stdout.write(
      `ok ${protocol}, ${mode}: ${attacks} attacks, ${refused} refused, ${passed} passed on in one reading\n`,
    );
  }
process.exit(failed === 0 ? 0 : 1);
