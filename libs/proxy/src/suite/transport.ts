import type { Transport } from '../transport/seam.js';

/** The transport of the runtime that this program runs on. */
export async function transportHere(): Promise<Transport> {
  if ('Bun' in globalThis) return (await import('../transport/bun.js')).bunTransport();
  return (await import('../transport/node.js')).nodeTransport();
}
