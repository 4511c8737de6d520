import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Netns, run, type Scope } from '@spillway/testing';

/** A switch with network namespaces on it, as a container engine's bridge network is. */
export class BridgeNetwork {
  readonly addresses = new Map<string, string>();
  #ports = 0;

  private constructor(
    private readonly scope: Scope,
    private readonly bridge: Netns,
    readonly subnet: string,
    /** Names of all members, as their `/etc/hosts`. */
    readonly hosts: string,
  ) {}

  static async create(scope: Scope, subnet: string): Promise<BridgeNetwork> {
    const bridge = await Netns.create(scope, 'bridge');
    await run('ip', ['-n', bridge.name, 'link', 'add', 'br0', 'type', 'bridge']);
    await run('ip', ['-n', bridge.name, 'link', 'set', 'br0', 'up']);
    const hosts = join(await scope.tempDir('hosts'), 'hosts');
    return new BridgeNetwork(scope, bridge, subnet, hosts);
  }

  /** A namespace of its own on the bridge, with the kernel's defaults and the sysctls given. */
  async join(name: string, address: string, sysctls: Record<string, string | number> = {}): Promise<Netns> {
    const netns = await Netns.create(this.scope, name);
    // A test's namespace comes with it switched on; here the compose file has to do it.
    await netns.sysctl('net.ipv4.tcp_migrate_req', 0);
    for (const [key, value] of Object.entries(sysctls)) await netns.sysctl(key, value);
    const port = `p${this.#ports++}`;
    const inBridge = ['-n', this.bridge.name, 'link'];
    await run('ip', [...inBridge, 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns.name]);
    await run('ip', [...inBridge, 'set', port, 'master', 'br0', 'up']);
    await run('ip', [
      '-n',
      netns.name,
      'addr',
      'add',
      `${address}/${this.subnet.split('/')[1]}`,
      'dev',
      'eth0',
    ]);
    await run('ip', ['-n', netns.name, 'link', 'set', 'eth0', 'up']);
    this.addresses.set(name, address);
    return netns;
  }

  /** Gives everybody's names to everybody. */
  async publish(): Promise<void> {
    const lines = [...this.addresses].map(([name, address]) => `${address} ${name}\n`);
    await writeFile(this.hosts, `127.0.0.1 localhost\n${lines.join('')}`);
  }
}
