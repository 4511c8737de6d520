import { askName, holdName, type HeldName } from './abstract-socket.js';
import { addAddress, addCommand, removeAddress } from './addresses.js';
import { canonicalAddress, claimName, relation, shortId, type ClaimName } from './claim-name.js';
import { VipError, type Claimant, type ModeProbe, type VipClaim, type VipDistribution } from './contract.js';
import { underLock } from './lock.js';
import { commandForPort } from './privileged-port.js';
import { ownerOf, type Owner } from './proc.js';
import { Scene, type Found } from './scene.js';

/** The command line of a worker of an SE. */
const WORKER = /main\.js worker \d+$/;
/** A holder that hangs cannot say who it is; its claim's name can. */
const ASK_TIMEOUT = 200;

interface Held {
  name: ClaimName;
  socket: HeldName;
}

export interface HostOptions extends Claimant {
  /** True for a process of this SE, whose listeners are not foreign (an agent that restarts finds them). */
  isOwnProcess?: (pid: number, parent: number) => boolean;
  /** Told of an address that should be removed from `lo` and could not be: it stays, and harms nobody. */
  onTrouble?: (text: string) => void;
}

/**
 * Several SEs of one network namespace listen on the same VIP and port with `SO_REUSEPORT`. The kernel would let
 * any process of the same user share silently, so each VIP and port is claimed first, for a cluster and a virtual
 * service, by an abstract socket whose name says all that others need to know, also when its holder hangs.
 */
export class HostDistribution implements VipDistribution {
  readonly mode = 'host';
  /** By `virtual service#vip id`, then by the name of the socket. */
  readonly #held = new Map<string, Map<string, Held>>();

  constructor(private readonly options: HostOptions) {}

  async prepare(claims: readonly VipClaim[]): Promise<(VipError | undefined)[]> {
    if (claims.length === 0) return [];
    return await underLock(async (locked) => {
      const scene = new Scene();
      const results: (VipError | undefined)[] = [];
      for (const claim of claims) results.push(await this.#prepareOne(claim, scene, locked));
      return results;
    });
  }

  /** A listener admits by itself; only what is not served any more is given back. */
  async admit(claim: VipClaim): Promise<void> {
    const wanted = new Set(this.#names(claim).map(claimName));
    await this.#drop([keyOf(claim.virtualServiceUuid, claim.vipId)], (name) => !wanted.has(name));
  }

  /** A listener that was closed gets nothing new: there is nothing to tell anybody. */
  async withdraw(): Promise<void> {
    await Promise.resolve();
  }

  async release(virtualServiceUuid: string, vipId: string): Promise<void> {
    await this.#drop([keyOf(virtualServiceUuid, vipId)], () => true);
  }

  async holderOf(address: string, port: number): Promise<string> {
    const vip = canonicalAddress(address);
    const here = {
      protocol: 'tcp' as const,
      address: vip,
      port,
      portRangeEnd: port,
      cluster: '',
      virtualService: '',
      se: '',
    };
    const scene = new Scene();
    const claims = scene.claimsAt(vip).filter(({ name }) => relation(here, name) !== 'apart');
    const foreign = claims.find(({ name }) => !this.#isMine(name)) ?? claims[0];
    if (foreign !== undefined) return await describeClaim(foreign);
    // A listener on all IPv6 addresses takes those of IPv4 too, unless it asked not to.
    const listener = scene.listenersAt(here)[0] ?? scene.listenersAt({ ...here, address: '::' })[0];
    return listener === undefined ? '' : describeListener(ownerOf(listener.inode), listener.uid);
  }

  async probe(): Promise<ModeProbe> {
    return await Promise.resolve({ mode: 'host', available: true, reason: '' });
  }

  async close(): Promise<void> {
    await this.#drop([...this.#held.keys()], () => true);
  }

  async #prepareOne(claim: VipClaim, scene: Scene, locked: boolean): Promise<VipError | undefined> {
    const key = keyOf(claim.virtualServiceUuid, claim.vipId);
    const held = this.#held.get(key) ?? new Map<string, Held>();
    const fresh = new Map<string, Held>();
    try {
      for (const address of claim.addresses)
        for (const s of claim.services) refusePrivileged(address, s.port);
      for (const name of this.#names(claim)) {
        const text = claimName(name);
        if (!held.has(text) && !fresh.has(text))
          fresh.set(text, await this.#claim(name, claim, scene, locked));
      }
      for (const address of claim.addresses) await this.#makeLocal(address, scene);
    } catch (error) {
      for (const h of fresh.values()) await h.socket.close();
      scene.forget(fresh.keys());
      if (error instanceof VipError) return error;
      throw error;
    }
    for (const [name, h] of fresh) held.set(name, h);
    this.#held.set(key, held);
    return undefined;
  }

  #names(claim: VipClaim): ClaimName[] {
    return claim.addresses.flatMap((address) =>
      claim.services.map((s) => ({
        protocol: s.protocol,
        address: canonicalAddress(address),
        port: s.port,
        portRangeEnd: s.port_range_end,
        cluster: shortId(this.options.clusterUuid),
        virtualService: shortId(claim.virtualServiceUuid),
        se: shortId(this.options.seUuid),
      })),
    );
  }

  #isMine(name: ClaimName): boolean {
    return name.cluster === shortId(this.options.clusterUuid) && name.se === shortId(this.options.seUuid);
  }

  async #claim(name: ClaimName, claim: VipClaim, scene: Scene, locked: boolean): Promise<Held> {
    await this.#refuseConflict(name, scene);
    const text = claimName(name);
    const socket = await holdName(text, this.#introduction(claim));
    if (socket === undefined) throw await this.#conflict(name, { name, text, inode: 0 });
    try {
      if (!locked) await this.#refuseConflict(name, new Scene());
    } catch (error) {
      await socket.close();
      throw error;
    }
    scene.add({ name, text, inode: 0 });
    return { name, socket };
  }

  #introduction(claim: VipClaim): string {
    return JSON.stringify({
      cluster: this.options.clusterUuid,
      virtual_service: claim.virtualServiceUuid,
      virtual_service_name: claim.virtualServiceName,
      service_engine: this.options.seName,
      pid: process.pid,
    });
  }

  /** Claims first: a listener that belongs to a claim of the same virtual service is a peer's. */
  async #refuseConflict(name: ClaimName, scene: Scene): Promise<void> {
    let shared = false;
    for (const other of scene.claimsAt(name.address)) {
      const how = relation(name, other.name);
      // A claim of our own for another virtual service goes with the change that brings this one.
      if (how === 'conflict' && !this.#isMine(other.name)) throw await this.#conflict(name, other);
      if (how !== 'apart') shared = true;
    }
    if (shared) return;
    for (const l of scene.listenersAt(name)) {
      const owner = ownerOf(l.inode);
      if (owner !== undefined && this.options.isOwnProcess?.(owner.pid, owner.parent) === true) continue;
      const holder = describeListener(owner, l.uid);
      throw new VipError(
        'VIP_IN_USE',
        `${place(name.address, l.port)} is in use by ${holder}: stop it, or choose another VIP or port`,
        holder,
        // A worker whose agent is just being started again: its claim will come.
        owner !== undefined && WORKER.test(owner.command),
      );
    }
  }

  async #conflict(name: ClaimName, other: Found): Promise<VipError> {
    const holder = await describeClaim(other);
    return new VipError(
      'VIP_CLAIMED',
      `${place(name.address, Math.max(name.port, other.name.port))} is claimed by ${holder}: choose another VIP or port`,
      holder,
      other.name.cluster === name.cluster,
    );
  }

  async #makeLocal(address: string, scene: Scene): Promise<void> {
    if (await scene.isLocal(address)) return;
    try {
      await addAddress(address);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new VipError(
        'VIP_NOT_LOCAL',
        `${address} is not an address of this host and cannot be added (${reason}): run ${addCommand(address)}`,
      );
    }
  }

  async #removeAddress(address: string): Promise<void> {
    try {
      await removeAddress(address);
    } catch (error) {
      this.options.onTrouble?.(
        `${address} stays on lo: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  async #drop(keys: readonly string[], which: (name: string) => boolean): Promise<void> {
    const gone = keys.flatMap((key) => {
      const held = this.#held.get(key) ?? new Map<string, Held>();
      return [...held].filter(([name]) => which(name)).map(([name, h]) => ({ key, held, name, h }));
    });
    if (gone.length === 0) return;
    await underLock(async () => {
      for (const { key, held, name, h } of gone) {
        await h.socket.close();
        held.delete(name);
        if (held.size === 0) this.#held.delete(key);
      }
      const scene = new Scene();
      for (const address of new Set(gone.map(({ h }) => h.name.address)))
        if (scene.claimsAt(address).length === 0) await this.#removeAddress(address);
    });
  }
}

const keyOf = (virtualServiceUuid: string, vipId: string): string => `${virtualServiceUuid}#${vipId}`;

const place = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

function refusePrivileged(address: string, port: number): void {
  const command = commandForPort(port);
  if (command !== undefined)
    throw new VipError(
      'VIP_PORT_PRIVILEGED',
      `${place(address, port)}: ports below 1024 need a privilege that this SE does not have: run ${command}`,
    );
}

function describeListener(owner: Owner | undefined, uid: number): string {
  return owner === undefined ? `a process of user ${uid}` : `pid ${owner.pid} (${owner.command})`;
}

async function describeClaim({ text, name, inode }: Found): Promise<string> {
  const said = introductionOf(await askName(text, ASK_TIMEOUT));
  const pid = said.pid ?? ownerOf(inode)?.pid;
  const words = [
    `virtual service ${said.virtual_service_name ?? name.virtualService}`,
    `of cluster ${said.cluster ?? name.cluster}`,
    `on service engine ${said.service_engine ?? name.se}`,
  ].join(' ');
  return pid === undefined ? words : `${words} (pid ${pid})`;
}

interface Introduction {
  cluster?: string;
  virtual_service_name?: string;
  service_engine?: string;
  pid?: number;
}

/** What a holder says is another process's word: only short, plain values are taken from it. */
function introductionOf(text: string): Introduction {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return {};
  }
  const from = (said ?? {}) as Record<string, unknown>;
  const plain = (key: string): string | undefined => {
    const value = from[key];
    return typeof value === 'string' && /^[\w .:@/-]{1,128}$/.test(value) ? value : undefined;
  };
  const pid = from['pid'];
  return {
    ...optional('cluster', plain('cluster')),
    ...optional('virtual_service_name', plain('virtual_service_name')),
    ...optional('service_engine', plain('service_engine')),
    ...(typeof pid === 'number' && Number.isInteger(pid) ? { pid } : {}),
  };
}

const optional = <K extends string>(key: K, value: string | undefined): { [P in K]?: string } =>
  (value === undefined ? {} : { [key]: value }) as { [P in K]?: string };
