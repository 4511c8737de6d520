import { freePorts, http1Matrix, ScriptedOrigin, SETTINGS, type Path } from '@spillway/testing/conformance';
import { Rig } from '../suite/rig.js';

/** The smuggling matrix of HTTP/1.1 against the engine on the transport of this runtime. */
const rig = await Rig.make();
const paths: Path[] = [];
for (const port of await freePorts(8)) paths.push({ port, origin: await ScriptedOrigin.start() });
await rig.apply(
  paths.map(({ port }, i) => ({ uuid: `vs-${i}`, ports: [port], http: SETTINGS.plain, pool: `pool-${i}` })),
  Object.fromEntries(paths.map(({ origin }, i) => [`pool-${i}`, { servers: [{ port: origin.port }] }])),
);
let failed = 0;
for (const mode of ['keep-alive', 'close'] as const) {
  const report = await http1Matrix(paths, mode);
  failed += report.failures.length;
  for (const failure of report.failures) process.stdout.write(`not ok ${mode}: ${failure}\n`);
  process.stdout.write(
    `ok ${mode}: ${report.attacks} attacks, ${report.refused} refused, ${report.passed} passed on in one reading\n`,
  );
}
process.exit(failed === 0 ? 0 : 1);
