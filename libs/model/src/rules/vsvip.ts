import type { FieldError } from '../errors.js';
import type { FilledVip } from '../generated/filled.js';
import { ipKey } from '../ip.js';
import { refuse, refuseAs, refuseDuplicates, type Rule } from './rule.js';

const addressesOf = (vip: FilledVip): string[] =>
  [vip.ip_address?.addr, vip.ip6_address?.addr].filter((a) => a !== undefined).map(ipKey);

function addressed(vip: FilledVip, path: string): FieldError[] {
  if (vip.ip6_address !== undefined && vip.ip6_address.type !== 'V6') {
    return [refuse(`${path}.ip6_address`, 'it is not an IPv6 address', 'Put it into ip_address')];
  }
  if (vip.ip_address?.type === 'DNS') {
    return [
      refuse(
        `${path}.ip_address`,
        'a VIP cannot be a host name',
        'Set type to V4 or V6 and addr to an address',
      ),
    ];
  }
  if (addressesOf(vip).length > 0 || vip.auto_allocate_ip || !vip.enabled) return [];
  return [
    refuse(path, `VIP ${vip.vip_id} has no address`, 'Set ip_address or ip6_address, or auto_allocate_ip'),
  ];
}

/** An update may add, remove and re-address VIPs; it may not rename one. */
function keptIds(vips: readonly FilledVip[], before: readonly FilledVip[]): FieldError[] {
  const stays = new Set(vips.map((v) => v.vip_id));
  return vips.flatMap((vip, i) => {
    const addresses = addressesOf(vip);
    const renamed = before.find(
      (old) =>
        old.vip_id !== vip.vip_id &&
        !stays.has(old.vip_id) &&
        addressesOf(old).some((a) => addresses.includes(a)),
    );
    if (renamed) {
      return [refuseAs(`vip[${i}].vip_id`, "Changing an existing VIP's vip_id is not supported", vip.vip_id)];
    }
    const old = before.find((o) => o.vip_id === vip.vip_id);
    const moved =
      old?.auto_allocate_ip && vip.auto_allocate_ip && addresses.some((a) => !addressesOf(old).includes(a));
    return moved ? [refuseAs(`vip[${i}]`, 'If a new preferred IP is needed, please recreate the VIP')] : [];
  });
}

/** The rules of a list of VIPs, in a VsVip or inline in a virtual service. */
export function vipRules(
  vips: readonly FilledVip[] | undefined,
  before: readonly FilledVip[] | undefined,
): FieldError[] {
  const list = vips ?? [];
  return [
    ...refuseDuplicates('vip', list, (v) => v.vip_id, 'vip_id'),
    ...refuseDuplicates('vip', list, (v) => v.ip_address?.addr.toLowerCase(), 'address'),
    ...refuseDuplicates('vip', list, (v) => v.ip6_address?.addr.toLowerCase(), 'address'),
    ...list.flatMap((vip, i) => addressed(vip, `vip[${i}]`)),
    ...keptIds(list, before ?? []),
  ];
}

export const vsVipRules: Rule<'vsvip'> = ({ vip }, { previous }) => vipRules(vip, previous?.vip);
