import type { AddressRange, AddressTest, TextTest } from '@spillway/snapshot';
import { type Groups, PolicyError } from '../groups.js';

/** What a test compares with, the keys of its groups included. */
export function textValues(test: TextTest, groups: Groups, path: string): string[] {
  const values = [...test.values];
  for (const uuid of test.string_group_uuids) {
    const group = groups.strings.get(uuid);
    if (group === undefined) throw new PolicyError(path, `string group ${uuid} is not there`);
    for (const { key } of group.entries) values.push(key);
  }
  return values;
}

/** Addresses of a test, those of its groups included. */
export function addressRanges(test: AddressTest, groups: Groups, path: string): AddressRange[] {
  const ranges = [...test.ranges];
  for (const uuid of test.address_group_uuids) {
    const group = groups.addresses.get(uuid);
    if (group === undefined) throw new PolicyError(path, `address group ${uuid} is not there`);
    for (const range of group.ranges) ranges.push(range);
  }
  return ranges;
}

/** The same for tests of the same addresses. */
export const addressKeyOf = ({ address_group_uuids, ranges }: AddressTest): string =>
  `${address_group_uuids.join()} ${ranges.map((r) => `${r.first}-${r.last}`).join()}`;

/** `name:port`; the colons of an IPv6 address are in brackets. */
export const hasPort = (value: string): boolean => value.replace(/\[[^\]]*\]/, '').includes(':');

/** Paths begin with a slash, whether the pattern does or not. */
export function pathPattern(value: string, operator: TextTest['operator'], decoded: boolean): string {
  const merged = decoded && operator !== 'regex' ? value.replace(/\/{2,}/g, '/') : value;
  const whole = operator === 'equals' || operator === 'begins_with';
  return whole && !merged.startsWith('/') && merged !== '*' ? `/${merged}` : merged;
}
