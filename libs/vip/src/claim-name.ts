import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';

/** What the name of a claim says. The ids are shortened, see {@link shortId}. */
export interface ClaimName {
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
  portRangeEnd: number;
  cluster: string;
  virtualService: string;
  se: string;
}

/** Everything of ours in the abstract namespace begins with this. */
export const PREFIX = 'spillway/';
/** Held while somebody looks and claims. */
export const LOCK_NAME = 'spillway/lock';
/** Bytes that the name of an abstract socket may have. */
export const NAME_LIMIT = 107;

const ID_LENGTH = 13;
const UUID = /^(?:[a-z]+-)?([0-9a-f]{8}-[0-9a-f]{4})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * An id short enough for the name of a socket: the first 13 characters of a uuid (48 bits; they can be searched for),
 * else the id itself where it is short and plain, else its hash.
 */
export function shortId(id: string): string {
  const uuid = UUID.exec(id);
  if (uuid?.[1] !== undefined) return uuid[1];
  if (/^[A-Za-z0-9._-]{1,13}$/.test(id)) return id;
  return createHash('sha256').update(id).digest('hex').slice(0, ID_LENGTH);
}

/**
 * `spillway/[u/]<address>:<port>[-<last port>]/<cluster>/<virtual service>/<se>`, at most {@link NAME_LIMIT} bytes;
 * `u/` for UDP.
 */
export function claimName(c: ClaimName): string {
  const host = isIPv6(c.address) ? `[${c.address}]` : c.address;
  const ports = c.port === c.portRangeEnd ? `${c.port}` : `${c.port}-${c.portRangeEnd}`;
  return `${PREFIX}${c.protocol === 'udp' ? 'u/' : ''}${host}:${ports}/${c.cluster}/${c.virtualService}/${c.se}`;
}

const CLAIM =
  /^spillway\/(u\/)?(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d+)(?:-(\d+))?\/([^/]+)\/([^/]+)\/([^/]+)$/;

/** The claim that a name stands for; undefined for every other name. */
export function parseClaimName(name: string): ClaimName | undefined {
  const m = CLAIM.exec(name);
  if (m === null) return undefined;
  return {
    protocol: m[1] === undefined ? 'tcp' : 'udp',
    address: m[2] ?? m[3] ?? '',
    port: Number(m[4]),
    portRangeEnd: Number(m[5] ?? m[4]),
    cluster: m[6] ?? '',
    virtualService: m[7] ?? '',
    se: m[8] ?? '',
  };
}

/** The one spelling of an address by which claims are compared. */
export function canonicalAddress(address: string): string {
  if (!isIPv6(address)) return address;
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

const overlap = (a: ClaimName, b: ClaimName): boolean =>
  a.protocol === b.protocol &&
  a.address === b.address &&
  a.port <= b.portRangeEnd &&
  b.port <= a.portRangeEnd;

export type Relation = 'apart' | 'same' | 'shared' | 'conflict';

/**
 * How two claims stand to each other: SEs of one cluster share a VIP and port for the same virtual service; anything
 * else at the same place is a conflict.
 */
export function relation(mine: ClaimName, other: ClaimName): Relation {
  if (!overlap(mine, other)) return 'apart';
  if (mine.cluster !== other.cluster || mine.virtualService !== other.virtualService) return 'conflict';
  return mine.se === other.se ? 'same' : 'shared';
}
