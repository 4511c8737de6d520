import { classOf, hashBytes, hashText } from '@spillway/balancing';
import type { ConsistentHash } from '@spillway/snapshot';
import { clientKey } from '../core/hash-key.js';
import type { Exchange } from './exchange.js';
import type { Message } from './message.js';

/**
 * Hash of what the pool keeps together (pools document, Consistent Hash): of the client, of host and path, of a
 * header, or of the string that a policy has set. A request without it is a miss and goes by the client's address and port.
 */
export function requestKey(hash: ConsistentHash, x: Exchange, message: Message): number {
  const { ends } = x.connection;
  if (hash.key === 'client_ip' && x.clientAddress !== null) return hashText(x.clientAddress);
  if (hash.key === 'uri') {
    const host = hashText(message.host.toLowerCase());
    return hashBytes(message.b, message.pathStart, message.pathEnd, host);
  }
  if (hash.key === 'header' && hash.header_name !== undefined) {
    const value = message.header(hash.header_name.toLowerCase());
    if (value !== null && value !== '') return hashText(value);
  }
  if (hash.key === 'custom_string' && x.customKey !== null) return hashText(x.customKey);
  return clientKey(hash, ends.remoteAddress, ends.remotePort);
}

const SLASH = 47;

/** Class of a request for predictions of what it costs: method, path, and the folder that the path is in. */
export function requestClass(message: Message): number {
  const { b, pathStart, pathEnd, methodId } = message;
  let folderEnd = pathEnd;
  while (folderEnd > pathStart && b[folderEnd - 1] !== SLASH) folderEnd--;
  const folder = hashBytes(b, pathStart, folderEnd, methodId + 1);
  return classOf(folder, hashBytes(b, folderEnd, pathEnd, folder));
}
