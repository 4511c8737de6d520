import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Longest request head; a head that came with an unescaped target is held to the same. */
export const MAX_HEAD_BYTES = 32_768;

/**
 * The API's HTTPS server. It is made before the certificate is known, which lies in the database: `setSecureContext`
 * gives it one before it listens, and again when the certificate is renewed.
 */
export function createHttpsServer(
  handler: (req: IncomingMessage, res: ServerResponse) => void,
): https.Server {
  return https.createServer(
    {
      minVersion: 'TLSv1.2',
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: 20_000,
      requestTimeout: 120_000,
      keepAliveTimeout: 75_000,
    },
    handler,
  );
}
