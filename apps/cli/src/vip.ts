import { type Client, type Json, pathOf } from './client.js';
import { CliError, EXIT } from './errors.js';
import { text } from './text.js';

/** The `vip_id` of a virtual service that has one VIP; of several, somebody has to choose. */
export async function vipIdOf(client: Pick<Client, 'get'>, virtualService: Json): Promise<string> {
  const name = text(virtualService['name']);
  const ref = virtualService['vsvip_ref'];
  if (typeof ref !== 'string') throw new CliError(`${name} has no VIP`);
  const { vip } = await client.get(pathOf(ref));
  const ids = (Array.isArray(vip) ? (vip as Json[]) : []).map((each) => text(each['vip_id']));
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return only;
  throw new CliError(
    ids.length === 0 ? `${name} has no VIP` : `${name} has VIPs ${ids.join(', ')}: say which with --vip`,
    EXIT.usage,
  );
}
