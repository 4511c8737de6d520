import { hkdfSync } from 'node:crypto';
import { error, failed, type Lookup, type Translated } from '../types.js';

/** The object of the store that holds the cluster's secrets for session tickets; of no published kind. */
export const TICKET_SECRETS = 'ticketsecrets-cluster';

/** Name 16, HMAC key 32, AES key 32. */
const KEY_BYTES = 80;

/** What is in that object: base64, the one in use first, then the one before, then the one that comes next. */
export interface TicketSecrets {
  readonly secrets: readonly string[];
}

/**
 * The ticket keys of one virtual service, made of the cluster's secrets by HKDF (RFC 5869), so that one rotation
 * rotates all and no SE learns those of a virtual service that it does not serve.
 */
export function translateTicketKeys(vsUuid: string, lookup: Lookup): Translated {
  const held = lookup.get(TICKET_SECRETS)?.spec as TicketSecrets | undefined;
  if (held === undefined || held.secrets.length === 0)
    return failed(error('NOT_TRANSLATABLE', '', 'the cluster has no secrets for session tickets yet'));
  const keys = held.secrets.map((secret) => {
    const info = `spillway session tickets of ${vsUuid}`;
    return Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64'), '', info, KEY_BYTES)).toString(
      'base64',
    );
  });
  const body = { virtual_service_uuid: vsUuid, keys };
  return { fragment: { type: 'ticket_keys', key: vsUuid, body }, uses: [], problems: [] };
}
