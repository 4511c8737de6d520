import { isObject, type Json } from '../walk.js';
import { mapEach } from './each.js';
import type { Hooks } from './hooks.js';

/** Gives each VIP without a vip_id the smallest number that no other VIP has; a single VIP gets "0". */
export function identifyVips(value: Json): Json {
  const list = Array.isArray(value['vip']) ? value['vip'] : [];
  const taken = new Set(list.filter(isObject).map((vip) => String(vip['vip_id'])));
  let next = 0;
  return mapEach(value, 'vip', (vip) => {
    if (vip['vip_id'] !== undefined) return vip;
    while (taken.has(String(next))) next += 1;
    taken.add(String(next));
    return { ...vip, vip_id: String(next) };
  });
}

export const vsVipHooks: Hooks = { identify: identifyVips };
