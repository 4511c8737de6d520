import { afterEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import dgram from 'node:dgram';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { sysctlAdvice } from './advice.js';
import type { VipClaim } from './contract.js';
import { HostDistribution } from './host.js';
import { probeModes } from './modes.js';

const open: HostDistribution[] = [];
const servers: net.Server[] = [];
afterEach(async () => {
  for (const d of open.splice(0)) await d.close();
  for (const s of servers.splice(0)) await new Promise((resolve) => s.close(resolve));
});

/** Addresses that belong to this process alone, since claims are seen in the whole network namespace. */
const VIP = `127.${process.pid % 250}.${(process.pid >> 8) % 250}.7`;

const se = (seUuid: string, clusterUuid = 'cluster-a'): HostDistribution => {
  const d = new HostDistribution({ clusterUuid, seUuid, seName: `name-of-${seUuid}` });
  open.push(d);
  return d;
};
/** Claims one, and rejects with the reason when it cannot be had. */
async function take(d: HostDistribution, c: VipClaim): Promise<void> {
  const [error] = await d.prepare([c]);
  if (error !== undefined) throw error;
}
const claim = (virtualServiceUuid: string, port: number, more: Partial<VipClaim> = {}): VipClaim => ({
  virtualServiceUuid,
  virtualServiceName: `name-of-${virtualServiceUuid}`,
  vipId: '1',
  addresses: [VIP],
  services: [{ protocol: 'tcp', port, port_range_end: port }],
  ...more,
});
async function listenAt(port: number, host = VIP): Promise<number> {
  const server = net.createServer();
  servers.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as net.AddressInfo).port;
}

describe('claims in one network namespace', () => {
  it('are shared by SEs of a cluster for one virtual service', async () => {
    await take(se('se-1'), claim('vs-1', 8101));
    await expect(take(se('se-2'), claim('vs-1', 8101))).resolves.toBeUndefined();
  });

  it('are refused to another virtual service or cluster, by name', async () => {
    await take(se('se-1'), claim('vs-1', 8102));
    await expect(take(se('se-2'), claim('vs-2', 8102))).rejects.toMatchObject({
      code: 'VIP_CLAIMED',
      passing: true,
      holder: `virtual service name-of-vs-1 of cluster cluster-a on service engine name-of-se-1 (pid ${process.pid})`,
    });
    await expect(take(se('se-3', 'cluster-b'), claim('vs-1', 8102))).rejects.toMatchObject({
      code: 'VIP_CLAIMED',
      passing: false,
      message: expect.stringContaining(`${VIP}:8102`),
    });
  });

  it('are decided one way when many race for them', async () => {
    const racers = Array.from({ length: 8 }, (_, i) =>
      take(se(`se-${i}`, `cluster-${i}`), claim('vs-1', 8103)),
    );
    const won = (await Promise.allSettled(racers)).filter((r) => r.status === 'fulfilled');
    expect(won).toHaveLength(1);
  });

  it('of TCP and UDP at one port are two', async () => {
    await take(se('se-1'), claim('vs-1', 8102));
    const udp = { services: [{ protocol: 'udp' as const, port: 8102, port_range_end: 8102 }] };
    await take(se('se-1'), claim('vs-2', 0, udp));
    await expect(take(se('se-2'), claim('vs-3', 0, udp))).rejects.toMatchObject({ code: 'VIP_CLAIMED' });
  });

  it('of UDP are refused where another program takes datagrams', async () => {
    const socket = dgram.createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, VIP, () => resolve()));
    const { port } = socket.address();
    const udp = { services: [{ protocol: 'udp' as const, port, port_range_end: port }] };
    await expect(take(se('se-1'), claim('vs-1', 0, udp))).rejects.toMatchObject({ code: 'VIP_IN_USE' });
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    await expect(take(se('se-1'), claim('vs-1', 0, udp))).resolves.toBeUndefined();
  });

  it('cover ranges, and a refusal gives back what it had taken', async () => {
    await take(
      se('se-1'),
      claim('vs-1', 0, { services: [{ protocol: 'tcp', port: 8110, port_range_end: 8119 }] }),
    );
    const other = se('se-2', 'cluster-b');
    const both = [
      { protocol: 'tcp' as const, port: 8120, port_range_end: 8120 },
      { protocol: 'tcp' as const, port: 8115, port_range_end: 8115 },
    ];
    await expect(take(other, claim('vs-9', 0, { services: both }))).rejects.toMatchObject({
      code: 'VIP_CLAIMED',
    });
    await expect(take(se('se-3'), claim('vs-3', 8120))).resolves.toBeUndefined();
  });

  it('keep the old ports until the new ones serve, and end with release', async () => {
    const one = se('se-1');
    const other = se('se-2', 'cluster-b');
    await take(one, claim('vs-1', 8130));
    await take(one, claim('vs-1', 8131));
    await expect(take(other, claim('vs-9', 8130))).rejects.toMatchObject({ code: 'VIP_CLAIMED' });
    await one.admit(claim('vs-1', 8131));
    await expect(take(other, claim('vs-9', 8130))).resolves.toBeUndefined();
    await expect(take(other, claim('vs-8', 8131))).rejects.toMatchObject({ code: 'VIP_CLAIMED' });
    await one.release('vs-1', '1');
    await expect(take(other, claim('vs-8', 8131))).resolves.toBeUndefined();
  });

  it('a port may pass from one virtual service of an SE to another', async () => {
    const one = se('se-1');
    await take(one, claim('vs-1', 8140));
    await expect(take(one, claim('vs-2', 8140))).resolves.toBeUndefined();
  });

  it('name a foreign listener, and tolerate their own workers', async () => {
    const port = await listenAt(0);
    await expect(take(se('se-1'), claim('vs-1', port))).rejects.toMatchObject({
      code: 'VIP_IN_USE',
      holder: expect.stringMatching(new RegExp(`^pid ${process.pid} \\(.*jest`)),
    });
    const own = new HostDistribution({
      clusterUuid: 'cluster-a',
      seUuid: 'se-1',
      seName: 'se-1',
      isOwnProcess: (pid) => pid === process.pid,
    });
    open.push(own);
    await expect(take(own, claim('vs-1', port))).resolves.toBeUndefined();
    expect(await se('se-2').holderOf(VIP, port)).toContain('name-of-vs-1');
  });

  it('a listener on every address is in the way too', async () => {
    const port = await listenAt(0, '0.0.0.0');
    await expect(take(se('se-1'), claim('vs-1', port))).rejects.toMatchObject({ code: 'VIP_IN_USE' });
  });
});

it('VIPs come and go on lo with the claims, counted over all SEs', () => {
  const root = path.resolve(import.meta.dirname, '../../..');
  const enter = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const run = spawnSync('unshare', [
    ...enter,
    '--net',
    path.join(root, 'node_modules/.bin/bun'),
    path.join(import.meta.dirname, 'host.program.js'),
  ]);
  expect(String(run.stderr)).toBe('');
  expect(JSON.parse(String(run.stdout))).toEqual({
    before: [],
    one: ['10.99.0.1', 'fd99::1'],
    two: ['10.99.0.1', 'fd99::1'],
    stillOne: ['10.99.0.1', 'fd99::1'],
    none: [],
    operators: ['10.99.0.2'],
  });
});

describe('what an operator is told', () => {
  it('the modes that are not to be had say so', async () => {
    const modes = await probeModes([se('se-1')]);
    expect(modes.map((m) => [m.mode, m.available])).toEqual([
      ['host', true],
      ['relay', false],
      ['l2', false],
      ['l2-tunnel', false],
      ['bgp', false],
    ]);
    expect(modes[1]?.reason).toBe('not implemented in this version');
  });

  it('the sysctl for hand-over comes with the line to type, and is set only when asked', () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'spillway-vip-'));
    try {
      const file = path.join(dir, 'tcp_migrate_req');
      writeFileSync(file, '0\n');
      expect(sysctlAdvice(false, file)).toMatchObject([
        { code: 'TCP_MIGRATE_REQ', command: 'sysctl -w net.ipv4.tcp_migrate_req=1' },
      ]);
      expect(readFileSync(file, 'utf8')).toBe('0\n');
      expect(sysctlAdvice(true, file)).toEqual([]);
      expect(readFileSync(file, 'utf8')).toBe('1');
      expect(sysctlAdvice(false, file)).toEqual([]);
      expect(sysctlAdvice(false, path.join(dir, 'none'))[0]?.command).toBe('');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
