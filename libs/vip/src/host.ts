import { askName, holdName, type HeldName } from './abstract-socket.js';
import { addAddress, addCommand, isLocal, removeAddress } from './addresses.js';
import {
  canonicalAddress,
  claimName,
  parseClaimName,
  relation,
  shortId,
  type ClaimName,
} from './claim-name.js';
import { VipError, type Claimant, type ModeProbe, type VipClaim, type VipDistribution } from './contract.js';
import { underLock } from './lock.js';
import { commandForPort } from './privileged-port.js';
import { abstractSockets, listeners, ownerOf } from './proc.js';
import { covers } from './proc-net.js';

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

  async prepare(claim: VipClaim): Promise<void> {
    const names = this.#names(claim);
    const key = keyOf(claim.virtualServiceUuid, claim.vipId);
    const held = this.#held.get(key) ?? new Map<string, Held>();
    const missing = names.filter((n) => !held.has(claimName(n)));
    for (const address of claim.addresses) for (const s of claim.services) refusePrivileged(address, s.port);
    const fresh = new Map<string, Held>();
    try {
      await underLock(async (locked) => {
        for (const name of missing) fresh.set(claimName(name), await this.#claim(name, claim, locked));
        for (const address of claim.addresses) await this.#makeLocal(address);
      });
    } catch (error) {
      for (const h of fresh.values()) await h.socket.close();
      throw error;
    }
    for (const [name, h] of fresh) held.set(name, h);
    this.#held.set(key, held);
  }

  /** A listener admits by itself; only what is not served any more is given back. */
  async admit(claim: VipClaim): Promise<void> {
    const wanted = new Set(this.#names(claim).map(claimName));
    await this.#drop(keyOf(claim.virtualServiceUuid, claim.vipId), (name) => !wanted.has(name));
  }

  /** A listener that was closed gets nothing new: there is nothing to tell anybody. */
  async withdraw(): Promise<void> {
    await Promise.resolve();
  }

  async release(virtualServiceUuid: string, vipId: string): Promise<void> {
    await this.#drop(keyOf(virtualServiceUuid, vipId), () => true);
  }

  async holderOf(address: string, port: number): Promise<string> {
    const vip = canonicalAddress(address);
    const place = { address: vip, port, portRangeEnd: port, cluster: '', virtualService: '', se: '' };
    const claims = others(place).filter(({ name }) => relation(place, name) !== 'apart');
    const foreign = claims.find(({ name }) => !this.#isMine(name)) ?? claims[0];
    if (foreign !== undefined) return await describeClaim(foreign.text, foreign.name, foreign.inode);
    const wide = vip.includes(':') ? [] : listeners().filter((l) => l.port === port && l.address === '::');
    const listener = [...listeners().filter((l) => l.port === port && covers(l, vip)), ...wide][0];
    return listener === undefined ? '' : describeListener(listener.inode, listener.uid);
  }

  async probe(): Promise<ModeProbe> {
    return await Promise.resolve({ mode: 'host', available: true, reason: '' });
  }

  async close(): Promise<void> {
    for (const key of this.#held.keys()) await this.#drop(key, () => true);
  }

  #names(claim: VipClaim): ClaimName[] {
    return claim.addresses.flatMap((address) =>
      claim.services.map((s) => ({
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

  async #claim(name: ClaimName, claim: VipClaim, locked: boolean): Promise<Held> {
    await this.#refuseConflict(name);
    const text = claimName(name);
    const socket = await holdName(text, this.#introduction(claim));
    if (socket === undefined) throw await this.#conflict(name, text, name, 0);
    try {
      if (!locked) await this.#refuseConflict(name);
    } catch (error) {
      await socket.close();
      throw error;
    }
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
  async #refuseConflict(name: ClaimName): Promise<void> {
    let shared = false;
    for (const other of others(name)) {
      const how = relation(name, other.name);
      // A claim of our own for another virtual service goes with the change that brings this one.
      if (how === 'conflict' && !this.#isMine(other.name))
        throw await this.#conflict(name, other.text, other.name, other.inode);
      if (how === 'shared' || how === 'conflict' || how === 'same') shared = true;
    }
    if (shared) return;
    for (const l of listeners()) {
      if (l.port < name.port || l.port > name.portRangeEnd || !covers(l, name.address)) continue;
      const owner = ownerOf(l.inode);
      if (owner !== undefined && this.options.isOwnProcess?.(owner.pid, owner.parent) === true) continue;
      const holder = describeListener(l.inode, l.uid);
      throw new VipError(
        'VIP_IN_USE',
        `${place(name.address, l.port)} is in use by ${holder}: stop it, or choose another VIP or port`,
        holder,
      );
    }
  }

  async #conflict(name: ClaimName, text: string, other: ClaimName, inode: number): Promise<VipError> {
    const holder = await describeClaim(text, other, inode);
    return new VipError(
      'VIP_CLAIMED',
      `${place(other.address, Math.max(name.port, other.port))} is claimed by ${holder}: choose another VIP or port`,
      holder,
      other.cluster === name.cluster,
    );
  }

  async #makeLocal(address: string): Promise<void> {
    if (await isLocal(address)) return;
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

  async #drop(key: string, which: (name: string) => boolean): Promise<void> {
    const held = this.#held.get(key);
    if (held === undefined) return;
    const gone = [...held].filter(([name]) => which(name));
    if (gone.length === 0) return;
    await underLock(async () => {
      for (const [name, h] of gone) {
        await h.socket.close();
        held.delete(name);
      }
      for (const address of new Set(gone.map(([, h]) => h.name.address)))
        if (!allClaims().some((c) => c.name.address === address)) await this.#removeAddress(address);
    });
    if (held.size === 0) this.#held.delete(key);
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

interface Found {
  name: ClaimName;
  text: string;
  inode: number;
}

function allClaims(): Found[] {
  return abstractSockets().flatMap(({ name: text, inode }) => {
    const name = parseClaimName(text);
    return name === undefined ? [] : [{ name, text, inode }];
  });
}

const others = (mine: ClaimName): Found[] => allClaims().filter(({ name }) => name.address === mine.address);

function describeListener(inode: number, uid: number): string {
  const owner = ownerOf(inode);
  return owner === undefined ? `a process of user ${uid}` : `pid ${owner.pid} (${owner.command})`;
}

async function describeClaim(text: string, name: ClaimName, inode: number): Promise<string> {
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
