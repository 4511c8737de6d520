import { addressKey } from '@spillway/policy';
import { RateKey, seedOf } from '@spillway/telemetry';
import type { Asker } from '../core/asker.js';
import { ClientTable, TableKnown } from './table.js';

const key = new RateKey();
const SEED = seedOf('persistence by client address');

/** By the client's address, or by its leading bits. */
export class ClientIp extends ClientTable {
  /** Leading bits that count; -1 for all. */
  mask = -1;

  recognise({ address }: Asker): TableKnown {
    key.begin(SEED).number(this.pool);
    if (this.mask < 0) key.text(address);
    else addMasked(address, this.mask);
    return this.find(new TableKnown(this).take(key));
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
