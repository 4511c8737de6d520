import type { Transport } from '../transport/seam.js';

/**
 * The transport of the runtime that this program runs on; with `--tls12` or `--tls13` on the command line every
 * connection is TLS of that version.
 */
export async function transportHere(): Promise<Transport> {
  const under =
    'Bun' in globalThis
      ? (await import('../transport/bun.js')).bunTransport()
      : (await import('../transport/node.js')).nodeTransport();
  const version = process.argv.includes('--tls13') ? '3' : process.argv.includes('--tls12') ? '2' : '';
  if (version === '') return under;
  const { overTls } = await import('./tls.js');
  return overTls(under, { versions: [`TLSv1.${version}`] });
}
