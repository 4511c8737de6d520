import type { ModeProbe, VipDistribution } from './contract.js';

/** Every way of distribution, whether it can be used here, and why not. */
export async function probeModes(available: readonly VipDistribution[]): Promise<ModeProbe[]> {
  const modes: ModeProbe['mode'][] = ['host', 'relay', 'l2', 'l2-tunnel', 'bgp'];
  const probes: ModeProbe[] = [];
  for (const mode of modes) {
    const distribution = available.find((d) => d.mode === mode);
    probes.push(
      distribution === undefined
        ? { mode, available: false, reason: 'not implemented in this version' }
        : await distribution.probe(),
    );
  }
  return probes;
}
