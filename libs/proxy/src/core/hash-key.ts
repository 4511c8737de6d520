import { hashText, mix } from '@spillway/balancing';
import type { ConsistentHash } from '@spillway/snapshot';

/** Hash of who a client is. What only requests have (URI, header) goes by address and port instead. */
export function clientKey(hash: ConsistentHash | null, address: string, port: number): number {
  if (hash === null) return 0;
  const key = hashText(address);
  return hash.key === 'client_ip' ? key : mix(key ^ port);
}
