import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { HostDistribution } from './host.js';

/** Claims VIPs in a network namespace of its own, prints the addresses on `lo` after each step. */
spawnSync('ip', ['link', 'set', 'lo', 'up']);
const addresses = (): string[] =>
  Object.values(os.networkInterfaces())
    .flatMap((device) => (device ?? []).map((a) => a.address))
    .filter((a) => !a.startsWith('127.') && a !== '::1')
    .sort();
const se = (seUuid: string): HostDistribution =>
  new HostDistribution({ clusterUuid: 'cluster-a', seUuid, seName: seUuid });
const claim = (vipId: string, ...vips: string[]) => ({
  virtualServiceUuid: 'vs-1',
  virtualServiceName: 'vs-1',
  vipId,
  addresses: vips,
  services: [{ protocol: 'tcp' as const, port: 80, port_range_end: 80 }],
});
const before = addresses();
const [first, second] = [se('se-1'), se('se-2')];
await first.prepare([claim('4', '10.99.0.1')]);
await first.prepare([claim('6', 'fd99::1')]);
const one = addresses();
await second.prepare([claim('both', '10.99.0.1', 'fd99::1')]);
const two = addresses();
await first.close();
const stillOne = addresses();
await second.release('vs-1', 'both');
const none = addresses();
spawnSync('ip', ['addr', 'add', '10.99.0.2/32', 'dev', 'lo']);
await first.prepare([claim('4', '10.99.0.2')]);
await first.close();
console.log(JSON.stringify({ before, one, two, stillOne, none, operators: addresses() }));
