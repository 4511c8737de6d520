import { addressKey } from '@spillway/policy';
import { RateKey, seedOf, type ClientKey } from '@spillway/telemetry';
import type { Asker } from '../core/asker.js';
import { Recent } from './recent.js';
import { ClientTable, TableKnown } from './table.js';

const key = new RateKey();
const MOST_RECENT = 1024;
const SEED = seedOf('persistence by client address');

/** By the client's address, or by its leading bits. */
export class ClientIp extends ClientTable {
  /** Leading bits that count; -1 for all. */
  mask = -1;
  /** Addresses that came lately: to take them apart costs more than to remember them. */
  private readonly masked = new Recent<ClientKey>(MOST_RECENT, (address) => {
    key.begin(SEED).number(this.pool);
    addMasked(address, this.mask);
    return { lo: key.lo, hi: key.hi };
  });

  recognise({ address }: Asker): TableKnown {
    const known = new TableKnown(this);
    if (this.mask >= 0) return this.find(known.take(this.masked.of(address)));
    return this.find(known.take(key.begin(SEED).number(this.pool).text(address)));
  }
}

/** The first `mask` bits of an address, counted in its own family; what is no address counts whole. */
function addMasked(address: string, mask: number): void {
  const words = addressKey(address);
  if (words === null) {
    key.text(address);
    return;
  }
  const isV4 = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  const bits = isV4 ? 96 + Math.min(mask, 32) : mask;
  for (const [i, word] of words.entries()) {
    const left = Math.max(0, Math.min(32, bits - i * 32));
    key.number(left === 0 ? 0 : word & (-1 << (32 - left)));
  }
}
