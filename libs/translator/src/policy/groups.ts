import type { FilledIpAddrGroup, FilledStringGroup } from '@spillway/model';
import type { AddressGroup, AddressRange, StringGroup } from '@spillway/snapshot';
import { ipAddress, isRange, prefixRange } from '../address.js';
import { error, failed, type Lookup, type Translated } from '../types.js';
import { Refusals } from './refusals.js';

export function translateStringGroup(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'stringgroup')
    return failed(error('POLICY_MISSING', '', `string group ${uuid} does not exist`));
  const spec = object.spec as FilledStringGroup;
  const body: StringGroup = {
    uuid,
    name: object.name,
    longest_match: spec.longest_match,
    entries: (spec.kv ?? []).map(({ key, value }) =>
      spec.type === 'SG_TYPE_KEYVAL' && value !== undefined ? { key, value } : { key },
    ),
  };
  return { fragment: { type: 'string_group', key: uuid, body }, uses: [], problems: [] };
}

type Addresses = Partial<Pick<FilledIpAddrGroup, 'addrs' | 'prefixes' | 'ranges'>>;

/** Ranges of all addresses that a rule or a group lists. */
export function rangesOf(
  { addrs, prefixes, ranges }: Addresses,
  path: string,
  refusals: Refusals,
): AddressRange[] {
  const found: AddressRange[] = [];
  const add = (field: string, text: string, first: string | undefined, last: string | undefined): void => {
    const [from, to] = [ipAddress(first ?? ''), ipAddress(last ?? '')];
    if (from !== undefined && to !== undefined && isRange(from, to)) found.push({ first: from, last: to });
    else refusals.missing(`${path}${field}`, `${text} is not an address that requests can be compared with`);
  };
  for (const [i, { addr }] of (addrs ?? []).entries()) add(`addrs[${i}]`, addr, addr, addr);
  for (const [i, { ip_addr, mask }] of (prefixes ?? []).entries()) {
    const range = prefixRange(ip_addr.addr, mask);
    add(`prefixes[${i}]`, `${ip_addr.addr}/${mask}`, range?.first, range?.last);
  }
  for (const [i, { begin, end }] of (ranges ?? []).entries())
    add(`ranges[${i}]`, `${begin.addr} to ${end.addr}`, begin.addr, end.addr);
  return found;
}

export function translateAddressGroup(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'ipaddrgroup')
    return failed(error('POLICY_MISSING', '', `IP address group ${uuid} does not exist`));
  const spec = object.spec as FilledIpAddrGroup;
  const refusals = new Refusals(`IP address group ${object.name} is used by a policy`);
  const ranges = rangesOf(spec, '', refusals);
  for (const [i, { ip }] of (spec.ip_ports ?? []).entries()) {
    const address = ipAddress(ip?.addr ?? '');
    if (address !== undefined) ranges.push({ first: address, last: address });
    else refusals.missing(`ip_ports[${i}]`, 'it has no address');
  }
  if ((spec.country_codes ?? []).length > 0) refusals.unhonoured('country_codes', 'country_codes');
  if (spec.marathon_app_name !== undefined) refusals.unhonoured('marathon_app_name', 'marathon_app_name');
  if (refusals.problems.length > 0) return failed(...refusals.problems);
  const body: AddressGroup = { uuid, name: object.name, ranges };
  return { fragment: { type: 'address_group', key: uuid, body }, uses: [], problems: [] };
}
