import type { Certificate, ClientTls } from '@spillway/snapshot';
import type { Socket, SocketHandler, Transport } from '../transport/seam.js';
import { TlsContext } from './context.js';
import type { Pointer } from './ffi.js';
import { forC } from './libssl.js';
import { TlsSocket, type SessionKeeper } from './socket.js';
import type { Wire } from './wire.js';

const SET_HOST_NAME = 55;

/** TLS to the servers of one pool under one configuration. */
export class ClientContext {
  private readonly context: TlsContext;
  private readonly sessions = new Map<string, LastSession>();
  private disposed = false;

  /** @throws {TlsConfigError} */
  constructor(
    readonly wire: Wire,
    readonly spec: ClientTls,
    readonly certificate: Certificate | null,
    readonly protocols: readonly string[],
  ) {
    this.context = new TlsContext(wire, 'client', spec.profile);
    try {
      if (certificate !== null) this.context.useCertificate(certificate);
      if (protocols.length > 0) this.context.offerProtocols(protocols);
      if (spec.validation !== undefined) this.context.validate(spec.validation, 'require');
    } catch (error) {
      this.context.dispose();
      throw error;
    }
  }

  /**
   * Starts a connection with TLS; `onOpen` comes when both are up.
   * @param key the identity of the server: sessions are resumed with the same one only
   * @param serverName what the server is asked for and, with validation, must be good for; empty: neither
   */
  connect(
    transport: Transport,
    address: string,
    port: number,
    key: string,
    serverName: string,
    handler: SocketHandler,
  ): Socket {
    const { lib } = this.wire;
    const ssl = lib.SSL_new(this.context.ctx);
    lib.SSL_set_connect_state(ssl);
    if (this.spec.sni_enabled && serverName !== '') this.sendName(ssl, serverName);
    const expects = this.spec.validation?.host_check === true ? this.expectName(ssl, serverName) : '';
    const sessions = this.sessionsOf(`${key} ${serverName}`);
    sessions?.use(ssl);
    const closeNotify = this.spec.profile.send_close_notify;
    const socket = new TlsSocket(transport, this.wire, ssl, 'client', handler, closeNotify, sessions);
    socket.expects = expects;
    return socket.on(transport.connect(address, port, socket));
  }

  /**
   * The name of the server for a request to `host` (with or without a port); empty when none is needed or there is
   * none: addresses are no names (RFC 6066 section 3).
   */
  nameFor(host: string): string {
    const { spec } = this;
    if (!spec.sni_enabled && spec.validation?.host_check !== true) return '';
    if (spec.server_name !== undefined && spec.server_name !== '') return spec.server_name;
    const name = host.replace(/:\d*$/, '').toLowerCase();
    return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) && !/^[\d.]+$/.test(name) ? name : '';
  }

  /** Connections that are open live on. */
  dispose(): void {
    this.disposed = true;
    for (const s of this.sessions.values()) s.drop();
    this.sessions.clear();
    this.context.dispose();
  }

  private sessionsOf(key: string): LastSession | null {
    if (!this.spec.profile.session_reuse || this.disposed) return null;
    let sessions = this.sessions.get(key);
    if (sessions === undefined) {
      // Names come from requests: they are bounded by those that were asked for last.
      if (this.sessions.size >= MOST_SESSIONS) this.forgetOldest();
      sessions = new LastSession(this.wire);
      this.sessions.set(key, sessions);
    }
    return sessions;
  }

  private forgetOldest(): void {
    for (const [key, sessions] of this.sessions) {
      sessions.drop();
      this.sessions.delete(key);
      return;
    }
  }

  private sendName(ssl: Pointer, name: string): void {
    const bytes = forC(name);
    this.wire.lib.SSL_ctrl(ssl, SET_HOST_NAME, 0, this.wire.library.foreign.addressOf(bytes));
  }

  /** Sets what the certificate must be for, and says it. */
  private expectName(ssl: Pointer, serverName: string): string {
    const { lib, library } = this.wire;
    const param = lib.SSL_get0_param(ssl);
    const { domain_names: names } = this.spec.validation!;
    // An empty name would match every certificate; this one matches none.
    const expected = names.length > 0 ? names : [serverName === '' ? 'name-unknown.invalid' : serverName];
    for (const [i, name] of expected.entries()) {
      const bytes = forC(name);
      const at = library.foreign.addressOf(bytes);
      const set = i === 0 ? lib.X509_VERIFY_PARAM_set1_host : lib.X509_VERIFY_PARAM_add1_host;
      set(param, at, name.length);
    }
    return names.length > 0 ? names.join(', ') : serverName || 'a name (none is known: set server_name)';
  }
}

/** Sessions kept per pool and worker. */
const MOST_SESSIONS = 4096;

/** The session with one server that the next connection resumes. */
class LastSession implements SessionKeeper {
  private session: Pointer = 0;
  private dropped = false;

  constructor(private readonly wire: Wire) {}

  use(ssl: Pointer): void {
    if (this.session !== 0) this.wire.lib.SSL_set_session(ssl, this.session);
  }

  keep(session: Pointer): void {
    const { lib } = this.wire;
    if (this.dropped || lib.SSL_SESSION_is_resumable(session) !== 1) {
      lib.SSL_SESSION_free(session);
      return;
    }
    if (this.session !== 0) lib.SSL_SESSION_free(this.session);
    this.session = session;
  }

  drop(): void {
    this.dropped = true;
    if (this.session !== 0) this.wire.lib.SSL_SESSION_free(this.session);
    this.session = 0;
  }
}
