import { latin1 } from '../../bytes.js';
import type { SomeRules } from '../rules.js';

const NAME = 'x-forwarded-proto';
const HTTP = latin1('X-Forwarded-Proto: http\r\n');
const HTTPS = latin1('X-Forwarded-Proto: https\r\n');

/** Tells the server how the client has connected; what the client says of it does not count. */
export const forwardedProto: SomeRules = {
  onRequest(x, message, edits) {
    for (let k = message.find(NAME); k >= 0; k = message.find(NAME, k + 1)) message.head.drop(k);
    edits.addLine(x.connection.tls === null ? HTTP : HTTPS);
    return true;
  },
};
