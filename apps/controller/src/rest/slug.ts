import { kinds, type KindName } from '@spillway/model';
import { errors } from '../errors.js';
import type { ObjectReader } from './object-reader.js';

const UUID = /^[a-z]+-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The uuid that a client wants for a new object: the `Slug` header, or `uuid` in the body. Only where the system
 * setting `portal_configuration.use_uuid_from_input` allows it; otherwise a new one is made.
 */
export function slugOf(
  kind: KindName,
  header: string | string[] | undefined,
  inBody: string | undefined,
  reader: Pick<ObjectReader, 'singleton'>,
): string | undefined {
  const wanted = (Array.isArray(header) ? header[0] : header) ?? inBody;
  if (wanted === undefined || wanted === '') return undefined;
  const portal = reader.singleton('systemconfiguration').spec['portal_configuration'] as
    | { use_uuid_from_input?: boolean }
    | undefined;
  if (portal?.use_uuid_from_input !== true) return undefined;
  if (UUID.test(wanted) && wanted.startsWith(`${kinds[kind].uuidPrefix}-`)) return wanted;
  throw errors.badRequest(
    'UUID_INVALID',
    `uuid "${wanted}" is not allowed. It is ${kinds[kind].uuidPrefix}- and a UUID in lower case.`,
  );
}
