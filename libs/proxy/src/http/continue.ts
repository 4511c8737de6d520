import { latin1 } from '../bytes.js';
import { Head } from '../http1/head.js';
import type { Exchange } from './exchange.js';

const LINE = latin1('HTTP/1.1 100 Continue\r\n\r\n');

/** What a scan of `LINE` would have found. */
const head = new Head();
head.status = 100;
head.minorAt = 7;
head.firstField = LINE.length - 2;

/** Tells a client that waits with its body to go on. */
export function sendContinue(x: Exchange): void {
  // A copy: whoever encodes it may change it in place.
  x.interim(head, Buffer.from(LINE), 0, LINE.length);
}
