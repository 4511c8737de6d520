import { serveProgram } from '../process/program.js';
import type { Origin, OriginBehaviour, OriginSpec } from './behaviour.js';
import { HttpOrigin } from './http-origin.js';
import { TcpEchoOrigin } from './tcp-origin.js';

const origins = new Map<string, Origin>();

function named({ name }: { name: string }): Origin {
  const origin = origins.get(name);
  if (!origin) throw new Error(`no origin named ${name}`);
  return origin;
}

serveProgram({
  start: async (spec: OriginSpec) => {
    const origin = spec.kind === 'tcp' ? await TcpEchoOrigin.start(spec) : await HttpOrigin.start(spec);
    origins.set(spec.name, origin);
    return { host: origin.host, port: origin.port };
  },
  set: (arg: { name: string; behaviour: Partial<OriginBehaviour> }) => named(arg).set(arg.behaviour),
  counters: (arg: { name: string }) => named(arg).counters(),
  goAway: (arg: { name: string; connections: 'keep' | 'close' | 'reset' }) =>
    named(arg).goAway(arg.connections),
  comeBack: (arg: { name: string }) => named(arg).comeBack(),
  resetConnections: (arg: { name: string }) => named(arg).resetConnections(),
});
