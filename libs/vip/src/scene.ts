import { isLocal, localAddresses } from './addresses.js';
import { canonicalAddress, parseClaimName, type ClaimName } from './claim-name.js';
import { abstractSockets, listeners, receivers } from './proc.js';
import { covers, type Listener } from './proc-net.js';

/** A claim that somebody holds. */
export interface Found {
  name: ClaimName;
  /** The name of its socket. */
  text: string;
  inode: number;
}

/**
 * What claims, listeners and addresses there are, read once for all that is claimed at one time: under the lock
 * nobody else changes the claims.
 */
export class Scene {
  readonly #claims = new Map<string, Found[]>();
  readonly #listeners: Partial<Record<ClaimName['protocol'], Listener[]>> = {};
  #addresses: Set<string> | undefined;

  constructor() {
    for (const { name: text, inode } of abstractSockets()) {
      const name = parseClaimName(text);
      if (name !== undefined) this.add({ name, text, inode });
    }
  }

  claimsAt(address: string): readonly Found[] {
    return this.#claims.get(address) ?? [];
  }

  add(found: Found): void {
    const { address } = found.name;
    this.#claims.set(address, [...this.claimsAt(address), found]);
  }

  forget(texts: Iterable<string>): void {
    const gone = new Set(texts);
    for (const [address, found] of this.#claims)
      this.#claims.set(
        address,
        found.filter((f) => !gone.has(f.text)),
      );
  }

  /** Listeners in the way of a claim. */
  listenersAt(name: Pick<ClaimName, 'protocol' | 'address' | 'port' | 'portRangeEnd'>): readonly Listener[] {
    const all = (this.#listeners[name.protocol] ??= name.protocol === 'udp' ? receivers() : listeners());
    return all.filter((l) => l.port >= name.port && l.port <= name.portRangeEnd && covers(l, name.address));
  }

  async isLocal(address: string): Promise<boolean> {
    this.#addresses ??= localAddresses();
    return this.#addresses.has(canonicalAddress(address)) || (await isLocal(address));
  }
}
