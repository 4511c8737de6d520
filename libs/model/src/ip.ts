/** An address as a number, to compare, sort and test against ranges. */
export interface Ip {
  readonly version: 4 | 6;
  readonly bits: bigint;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let bits = 0n;
  for (const part of parts) {
    // A leading zero is octal to some programs and decimal to others: refused.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bits = (bits << 8n) | BigInt(part);
  }
  return bits;
}

/** The groups of one side of `::`, an embedded IPv4 address at the end counting for two. */
function parseGroups(text: string): bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: bigint[] = [];
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes('.')) {
      const v4 = parseV4(part);
      if (v4 === undefined) return undefined;
      groups.push(v4 >> 16n, v4 & 0xffffn);
    } else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

function parseV6(text: string): bigint | undefined {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const left = parseGroups(head);
  const right = tail === undefined ? [] : parseGroups(tail);
  if (!left || !right) return undefined;
  if (tail === undefined ? left.length !== 8 : left.length + right.length > 7) return undefined;
  if (tail !== undefined && head.includes('.')) return undefined;
  const gap = Array.from({ length: 8 - left.length - right.length }, () => 0n);
  return [...left, ...gap, ...right].reduce((bits, group) => (bits << 16n) | group, 0n);
}

/** Parses an IPv4 or IPv6 address (RFC 4291 text form, no zone); undefined when it is none. */
export function parseIp(text: string): Ip | undefined {
  const version = text.includes(':') ? 6 : 4;
  const bits = version === 6 ? parseV6(text) : parseV4(text);
  return bits === undefined ? undefined : { version, bits };
}

/** One spelling for each address, for comparison; a name or a malformed address in lower case. */
export function ipKey(text: string): string {
  const ip = parseIp(text);
  return ip ? `${ip.version}/${ip.bits.toString(16)}` : text.toLowerCase();
}
