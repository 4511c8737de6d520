import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { RCODE, readQuestion, TYPE, writeAnswer } from './message.js';

/** What the server says of a name. */
export interface DnsRecord {
  /** IPv4 and IPv6, in any order; none: the name exists and has no address. */
  addresses: readonly string[];
  /** Seconds. Default 1. */
  ttl?: number;
  /** Instead of an answer with addresses; `silent` says nothing at all. */
  fails?: 'nxdomain' | 'servfail' | 'silent';
  /** Only questions for this family fail. Default both. */
  failsFor?: 'v4' | 'v6';
}

/** A DNS server over UDP. Names that it was not told of do not exist. */
export class DnsServer {
  readonly #records = new Map<string, DnsRecord>();
  readonly #asked = new Map<string, number>();

  private constructor(
    private readonly socket: Socket,
    readonly host: string,
    readonly port: number,
  ) {
    socket.on('message', (query, from) => this.#answer(query, from.port, from.address));
    socket.on('error', () => undefined);
  }

  static async start(host = '127.0.0.1', port = 0): Promise<DnsServer> {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, host, () => resolve());
    });
    return new DnsServer(socket, host, socket.address().port);
  }

  set(name: string, record: DnsRecord): void {
    this.#records.set(name.toLowerCase(), record);
  }

  /** Questions for a name, of both families. */
  asked(name: string): number {
    return this.#asked.get(name.toLowerCase()) ?? 0;
  }

  stop(): void {
    this.socket.close();
  }

  #answer(query: Buffer, port: number, address: string): void {
    const question = readQuestion(query);
    if (question === undefined) return;
    const { name, type } = question;
    this.#asked.set(name, (this.#asked.get(name) ?? 0) + 1);
    const family = type === TYPE.AAAA ? 'v6' : 'v4';
    const record = this.#records.get(name) ?? { addresses: [], fails: 'nxdomain' as const };
    const { addresses, ttl = 1, fails, failsFor = family } = record;
    const failing = failsFor === family ? fails : undefined;
    if (failing === 'silent') return;
    const rcode =
      failing === 'servfail' ? RCODE.SERVFAIL : failing === 'nxdomain' ? RCODE.NXDOMAIN : RCODE.NOERROR;
    const known = type === TYPE.A || type === TYPE.AAAA;
    const found =
      failing === undefined && known ? addresses.filter((a) => isIPv6(a) === (family === 'v6')) : [];
    this.socket.send(writeAnswer(question, rcode, found, ttl), port, address);
  }
}
