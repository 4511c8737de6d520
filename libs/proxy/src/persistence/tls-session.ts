import { RateKey, seedOf } from '@spillway/telemetry';
import type { Asker } from '../core/asker.js';
import { ClientTable, TableKnown } from './table.js';

const key = new RateKey();
const SEED = seedOf('persistence by TLS session');

/** By the client's TLS session: whoever resumes it is led back. A client that begins a new one is a new client. */
export class TlsSession extends ClientTable {
  recognise({ tls }: Asker): TableKnown {
    const known = new TableKnown(this);
    if (tls === null || tls.session === '') return known;
    return this.find(known.take(key.begin(SEED).number(this.pool).text(tls.session)));
  }
}
