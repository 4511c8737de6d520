import type { LocalResponse } from './schema/index.js';

/** The bytes of a response that is not a server's; none where it has no body. */
export const localBody = ({ body = '', base64 = false }: LocalResponse): Uint8Array =>
  Buffer.from(body, base64 ? 'base64' : 'utf8');
