import { isIPv6 } from 'node:net';
import type { ResolvedAddress, ResolvedName } from '@spillway/translator';
import type { Answer, FamilyAnswer } from './answer.js';

/** What pools that use a name make of addresses that it has lost. */
export interface NameUse {
  /** Longest time in which they are left, in milliseconds; Infinity: for ever. */
  readonly leave: number;
  /** Some pool keeps them as disabled servers (`delete_server_on_dns_refresh` false). */
  readonly keep: boolean;
}

/** A name is asked for again after the shortest time to live of its records, but within these bounds, in seconds. */
export const TTL = { least: 1, most: 3600 } as const;
/** Addresses of one name, those that it has lost included. */
const MOST_ADDRESSES = 1000;

/** Seconds after which to ask again; undefined when the answer was of no use. */
export function ttlOf({ v4, v6 }: Answer): number | undefined {
  const ttls = [v4, v6].flatMap((family) => (family.is === 'some' ? [family.ttl] : []));
  if (ttls.length === 0) return undefined;
  return Math.min(Math.max(Math.min(...ttls), TTL.least), TTL.most);
}

/**
 * What is known of a name after an answer. An answer without any address takes nothing away, whatever it says: names
 * that vanish are nearly always a mistake of somebody, and servers that are gone are found by their health monitors.
 * A family that could not be asked keeps its addresses.
 * @param now milliseconds since 1970
 */
export function afterAnswer(
  name: string,
  known: ResolvedName | undefined,
  answer: Answer,
  now: number,
): ResolvedName {
  const before = known?.addresses ?? [];
  const failure = failureOf(name, answer);
  if (failure !== undefined) return { name, addresses: before, failure };
  const had = new Map(before.map((a) => [a.address, a]));
  const has = new Set([...addressesOf(answer.v4), ...addressesOf(answer.v6)].slice(0, MOST_ADDRESSES));
  const addresses: ResolvedAddress[] = [...has].map((address) => ({ address }));
  for (const [address, one] of had) {
    if (has.has(address)) continue;
    const { is } = isIPv6(address) ? answer.v6 : answer.v4;
    if (one.gone_at !== undefined) addresses.push(one);
    else addresses.push(is === 'failed' ? { address } : { address, gone_at: now });
  }
  return { name, addresses: sorted(bounded(addresses)) };
}

/** Marks addresses that every pool has had the time to leave, and forgets those that none keeps. */
export function forgotten(known: ResolvedName, { leave, keep }: NameUse, now: number): ResolvedName {
  const addresses = known.addresses.flatMap((one): ResolvedAddress[] => {
    if (one.gone_at === undefined || one.over === true || now < one.gone_at + leave) return [one];
    return keep ? [{ ...one, over: true }] : [];
  });
  const left = keep ? addresses : addresses.filter((one) => one.over !== true);
  return { ...known, addresses: left };
}

const addressesOf = (family: FamilyAnswer): readonly string[] =>
  family.is === 'some' ? family.addresses : [];

function failureOf(name: string, { v4, v6 }: Answer): string | undefined {
  if (v4.is === 'some' || v6.is === 'some') return undefined;
  const reasons = [...new Set([v4, v6].flatMap((f) => (f.is === 'failed' ? [f.reason] : [])))];
  return reasons.length === 0
    ? `DNS has no address for ${name}`
    : `DNS could not be asked for ${name}: ${reasons.join(', ')}`;
}

const byText = (a: ResolvedAddress, b: ResolvedAddress): number => (a.address < b.address ? -1 : 1);
const sorted = (list: ResolvedAddress[]): ResolvedAddress[] => list.sort(byText);

const age = (one: ResolvedAddress): number => one.gone_at ?? Infinity;

/** With too many, those that are gone for longest are forgotten first. */
function bounded(list: ResolvedAddress[]): ResolvedAddress[] {
  if (list.length <= MOST_ADDRESSES) return list;
  return list.sort((a, b) => age(b) - age(a)).slice(0, MOST_ADDRESSES);
}
