import type { Client, Json } from './client.js';
import { CliError, EXIT } from './errors.js';

const UUID = /^[a-z]+-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The object of that name or uuid; a name that several have is refused, so that nothing is done to the wrong one. */
export async function resolve(client: Client, kind: string, nameOrUuid: string): Promise<Json> {
  if (UUID.test(nameOrUuid)) return client.get(`/api/${kind}/${nameOrUuid}?include_name=true`);
  const found = await find(client, kind, nameOrUuid);
  if (found === undefined) throw new CliError(`no ${kind} is named ${nameOrUuid}`, EXIT.notFound);
  return found;
}

/** Like resolve, but an absent object is undefined. */
export async function find(client: Client, kind: string, name: string): Promise<Json | undefined> {
  const rows = await client.list(`/api/${kind}?name=${encodeURIComponent(name)}&include_name=true`);
  if (rows.length > 1) {
    const uuids = rows.map((r) => String(r['uuid'])).join(', ');
    throw new CliError(
      `${rows.length} objects of kind ${kind} are named ${name} (${uuids}); name one by its uuid`,
      EXIT.usage,
    );
  }
  return rows[0];
}

export const uuidOf = (object: Json): string => String(object['uuid']);
