import type { Netns } from '../process/netns.js';
import { Program } from '../process/program.js';
import type { Scope } from '../process/scope.js';
import type { FaultCounters, FaultProxy, FaultProxySpec, Faults } from './faults.js';
import { TcpFaultProxy } from './tcp.js';
import { UdpFaultProxy } from './udp.js';

/** A fault proxy in this process, without a scope. */
export function createFaultProxy(spec: FaultProxySpec): Promise<FaultProxy> {
  return spec.kind === 'udp' ? UdpFaultProxy.start(spec) : TcpFaultProxy.start(spec);
}

/** Starts a fault proxy in this process; the scope ends it. */
export async function startFaultProxy(scope: Scope, spec: FaultProxySpec): Promise<FaultProxy> {
  const proxy = await createFaultProxy(spec);
  scope.defer(`fault proxy on port ${proxy.port}`, () => proxy.stop());
  return proxy;
}

/** Starts a fault proxy in a process of its own, e.g. inside a namespace; the scope ends it. */
export async function spawnFaultProxy(
  scope: Scope,
  spec: FaultProxySpec,
  options: { netns?: Netns } = {},
): Promise<FaultProxy> {
  const program = await Program.start(scope, new URL('./fault-proxy.program.js', import.meta.url), {
    name: 'fault proxy',
    ...options,
  });
  const { host, port } = await program.call<{ host: string; port: number }>('start', spec);
  return {
    host,
    port,
    set: (faults: Partial<Faults>) => program.call('set', faults),
    counters: () => program.call<FaultCounters>('counters'),
    reset: () => program.call('reset'),
    refuse: () => program.call('refuse'),
    comeBack: () => program.call('comeBack'),
    stop: async () => void (await program.stop()),
  };
}
