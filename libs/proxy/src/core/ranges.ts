import { AddressMap, addressKey } from '@spillway/policy';
import type { AddressRange } from '@spillway/snapshot';

/** Addresses in ranges, found by their text. */
export class Ranges {
  private readonly map: AddressMap;

  constructor(ranges: readonly AddressRange[]) {
    this.map = new AddressMap([ranges]);
  }

  has(address: string): boolean {
    const key = addressKey(address);
    return key !== null && this.map.find(key).length > 0;
  }
}
