import { promises as dns } from 'node:dns';

/** What DNS says of one family of a name. */
export type FamilyAnswer =
  | { readonly is: 'some'; readonly addresses: readonly string[]; readonly ttl: number }
  /** There is no such name, or it has no address of the family. */
  | { readonly is: 'none' }
  | { readonly is: 'failed'; readonly reason: string };

export interface Answer {
  readonly v4: FamilyAnswer;
  readonly v6: FamilyAnswer;
}

/** Asks for all addresses of a name. Never throws. */
export type Ask = (name: string) => Promise<Answer>;

const TIMEOUT_MS = 2_000;
const TRIES = 2;

/** Codes of node:dns that say that something is not there; every other one says that nobody could be asked. */
const NOT_THERE: ReadonlySet<string> = new Set([dns.NOTFOUND, dns.NODATA]);

/** Asks over the network, with the time to live of the records. */
export class DnsClient {
  private resolver = new dns.Resolver({ timeout: TIMEOUT_MS, tries: TRIES });

  /**
   * @param servers `address` or `address:port` each, IPv6 in brackets; none: those of the host
   */
  use(servers: readonly string[]): void {
    this.resolver = new dns.Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
    if (servers.length > 0) this.resolver.setServers([...servers]);
  }

  readonly ask: Ask = async (name) => {
    const { resolver } = this;
    const [v4, v6] = await Promise.all([
      familyOf(() => resolver.resolve4(name, { ttl: true })),
      familyOf(() => resolver.resolve6(name, { ttl: true })),
    ]);
    return { v4, v6 };
  };
}

async function familyOf(query: () => Promise<{ address: string; ttl: number }[]>): Promise<FamilyAnswer> {
  try {
    const records = await query();
    if (records.length === 0) return { is: 'none' };
    return {
      is: 'some',
      addresses: records.map((r) => r.address),
      ttl: Math.min(...records.map((r) => r.ttl)),
    };
  } catch (error) {
    const { code = 'EUNKNOWN' } = error as { code?: string };
    return NOT_THERE.has(code) ? { is: 'none' } : { is: 'failed', reason: code };
  }
}
