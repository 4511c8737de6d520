/**
 * The one text form of an address (IPv6 as RFC 5952 writes it), so that a server has one identity however it is
 * spelled; undefined for names and for what is no address.
 */
export function ipAddress(addr: string): string | undefined {
  if (toV4(addr) !== undefined) return addr;
  const v6 = toV6(addr);
  return v6 === undefined ? undefined : textV6(v6);
}

function toV4(addr: string): bigint | undefined {
  const parts = addr.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256n + BigInt(part);
  }
  return value;
}

function toV6(addr: string): bigint | undefined {
  const halves = addr.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (head === undefined) return undefined;
  const groups = tail === undefined ? head : fill(head, tail);
  if (groups?.length !== 8) return undefined;
  let value = 0n;
  for (const group of groups) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    value = value * 65_536n + BigInt(`0x${group}`);
  }
  return value;
}

function fill(head: string[], tail: string[]): string[] | undefined {
  const zeros = 8 - head.length - tail.length;
  return zeros < 1 ? undefined : [...head, ...Array<string>(zeros).fill('0'), ...tail];
}

/** The addresses from `begin` to `end`, both included, at most `limit`; undefined when they are not a range. */
export function addressRange(begin: string, end: string, limit: number): string[] | undefined {
  const v4 = toV4(begin) !== undefined;
  const first = v4 ? toV4(begin) : toV6(begin);
  const last = v4 ? toV4(end) : toV6(end);
  if (first === undefined || last === undefined || last < first) return undefined;
  const found: string[] = [];
  for (let at = first; at <= last && found.length < limit; at += 1n) found.push(v4 ? textV4(at) : textV6(at));
  return found;
}

/** First and last address of a prefix; undefined when it is not one. */
export function prefixRange(addr: string, mask: number): { first: string; last: string } | undefined {
  const v4 = toV4(addr);
  const value = v4 ?? toV6(addr);
  const bits = v4 === undefined ? 128 : 32;
  if (value === undefined || !Number.isInteger(mask) || mask < 0 || mask > bits) return undefined;
  const size = 1n << BigInt(bits - mask);
  const first = value - (value % size);
  const text = v4 === undefined ? textV6 : textV4;
  return { first: text(first), last: text(first + size - 1n) };
}

/** Whether `first` is not behind `last`, both of one family. */
export function isRange(first: string, last: string): boolean {
  const [a, b] = [toV4(first), toV4(last)];
  if (a !== undefined || b !== undefined) return a !== undefined && b !== undefined && a <= b;
  const [c, d] = [toV6(first), toV6(last)];
  return c !== undefined && d !== undefined && c <= d;
}

const textV4 = (value: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');

function textV6(value: bigint): string {
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) =>
    ((value >> shift) & 65_535n).toString(16),
  );
  return compress(groups);
}

/** The longest run of zero groups as `::` (RFC 5952). */
function compress(groups: string[]): string {
  let best = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at += 1) {
    let length = 0;
    while (groups[at + length] === '0') length += 1;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}
