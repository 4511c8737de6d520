import type { Certificate, ServerTls } from '@spillway/snapshot';
import type { ClientHello } from './client-hello.js';
import { TlsContext } from './context.js';
import type { Pointer } from './ffi.js';
import type { Wire } from './wire.js';

/** Bytes of a ticket that name its key. */
const KEY_NAME = 16;

/** Certificates for one name: at most one of each key type, from which the library takes what the client can. */
type CertificateSet = readonly number[];

/**
 * TLS to the clients of one virtual service under one configuration: a context for each set of certificates that
 * some name is served with.
 */
export class ServerContexts {
  private readonly exact = new Map<string, TicketedContext>();
  private readonly wildcard = new Map<string, TicketedContext>();
  private readonly all = new Map<string, TicketedContext>();
  private readonly byDefault: TicketedContext;
  private keys: readonly Uint8Array[] = [];
  private marking = false;

  /** @throws {TlsConfigError} */
  constructor(
    readonly wire: Wire,
    readonly spec: ServerTls,
    /** In the order of `spec.certificate_uuids`. */
    readonly certificates: readonly Certificate[],
    /** Sessions are resumed under the same name only. */
    sessionsOf: string,
  ) {
    const sets = certificateSets(certificates);
    const make = (set: CertificateSet): TicketedContext => this.context(set, sessionsOf);
    try {
      this.byDefault = make(sets.byDefault);
      for (const [name, set] of sets.exact) this.exact.set(name, make(set));
      for (const [name, set] of sets.wildcard) this.wildcard.set(name, make(set));
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  private context(set: CertificateSet, sessionsOf: string): TicketedContext {
    const key = set.join(' ');
    const made = this.all.get(key);
    if (made !== undefined) return made;
    const { spec } = this;
    const context = new TlsContext(this.wire, 'server', spec.profile);
    this.all.set(key, new TicketedContext(context));
    for (const place of set) context.useCertificate(this.certificates[place]!);
    if (spec.protocols.length > 0) context.chooseProtocols();
    const { client_certificate: client } = spec;
    if (client !== undefined) context.validate(client.validation, client.mode);
    context.separateSessions(`${sessionsOf} ${JSON.stringify(client ?? null)}`);
    return this.all.get(key)!;
  }

  /**
   * Seals tickets with the first key and opens those of all. Without keys every process has its own, and sessions
   * are resumed there only.
   */
  useTickets(keys: readonly string[]): void {
    const before = this.keys.map((k) => Buffer.from(k).toString('base64'));
    if (before.length === keys.length && before.every((k, i) => k === keys[i])) return;
    this.keys = keys.map((k) => Uint8Array.from(Buffer.from(k, 'base64')));
    const first = this.keys[0];
    if (first !== undefined) for (const c of this.all.values()) c.seal(first);
  }

  /** Sessions are told apart, for persistence; see `sessionMark`. */
  get marked(): boolean {
    return this.marking;
  }

  /** From now on sessions are told apart. */
  markSessions(): void {
    if (this.marking) return;
    this.marking = true;
    for (const c of this.all.values()) c.context.markSessions();
  }

  /** What serves this client, ready to open the ticket that it brings. */
  choose(hello: ClientHello): TicketedContext {
    const context = this.named(hello.serverName);
    const { ticket } = hello;
    if (ticket !== null && ticket.length > KEY_NAME)
      for (let i = 1; i < this.keys.length; i++)
        if (startsAlike(ticket, this.keys[i]!)) context.openWith(this.keys[i]!);
    return context;
  }

  private named(name: string): TicketedContext {
    if (name === '') return this.byDefault;
    const exact = this.exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    return (dot > 0 ? this.wildcard.get(name.slice(dot)) : undefined) ?? this.byDefault;
  }

  /**
   * The application protocol for this client: the first of ours that it can; null when it can none of them.
   * @param http2 whether the port that it came in by speaks HTTP/2
   */
  protocol(hello: ClientHello, http2: boolean): string | null {
    for (const p of this.spec.protocols) if (hello.protocols.includes(p) && (http2 || p !== 'h2')) return p;
    return null;
  }

  /** Connections that are open live on. */
  dispose(): void {
    for (const { context } of this.all.values()) context.dispose();
    this.all.clear();
  }
}

/**
 * A context whose tickets are sealed with one key and may be opened with another. The library knows one key per
 * context; since the name of a ticket's key is seen before the library reads it, that key is put in for the one step
 * that opens the ticket. New tickets are made in a later step (RFC 8446 section 4.6.1), with the first key again.
 */
export class TicketedContext {
  private sealing: Uint8Array | null = null;
  private opening = false;

  constructor(readonly context: TlsContext) {}

  get ctx(): Pointer {
    return this.context.ctx;
  }

  seal(key: Uint8Array): void {
    this.sealing = key;
    this.context.useTicketKey(key);
  }

  openWith(key: Uint8Array): void {
    this.opening = true;
    this.context.useTicketKey(key);
  }

  /** The step that reads the ticket is over. */
  opened(): void {
    if (!this.opening) return;
    this.opening = false;
    if (this.sealing !== null) this.context.useTicketKey(this.sealing);
  }
}

function startsAlike(ticket: Uint8Array, key: Uint8Array): boolean {
  for (let i = 0; i < KEY_NAME; i++) if (ticket[i] !== key[i]) return false;
  return true;
}

interface Sets {
  byDefault: CertificateSet;
  exact: Map<string, CertificateSet>;
  /** By what follows the asterisk: `.example.com`. */
  wildcard: Map<string, CertificateSet>;
}

/** Which certificates serve which name. The first one of a key type wins; exact names go before wildcards. */
export function certificateSets(certificates: readonly Pick<Certificate, 'names' | 'key_type'>[]): Sets {
  const having = (name: string): number[] =>
    certificates.flatMap((c, i) => (c.names.includes(name) ? [i] : []));
  const oneOfEach = (places: readonly number[]): number[] => {
    const seen = new Set<string>();
    return places.filter((i) => {
      const { key_type } = certificates[i]!;
      return seen.has(key_type) ? false : seen.add(key_type) !== undefined;
    });
  };
  const exact = new Map<string, CertificateSet>();
  const wildcard = new Map<string, CertificateSet>();
  for (const name of new Set(certificates.flatMap((c) => c.names))) {
    if (name.startsWith('*.')) wildcard.set(name.slice(1), oneOfEach(having(name)));
    else {
      const dot = name.indexOf('.');
      const wider = dot > 0 ? having(`*${name.slice(dot)}`) : [];
      exact.set(name, oneOfEach([...having(name), ...wider]));
    }
  }
  const first = certificates[0]!.names[0];
  const named =
    first === undefined
      ? undefined
      : first.startsWith('*.')
        ? wildcard.get(first.slice(1))
        : exact.get(first);
  return { byDefault: oneOfEach([0, ...(named ?? [])]), exact, wildcard };
}
