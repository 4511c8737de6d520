import { type ChannelOptions, Server } from '@grpc/grpc-js';
import type { Listen } from '../config/settings.js';
import type { PkiService } from '../pki/index.js';
import { type ClientCertificates, TlsCredentials } from './tls-credentials.js';

const OPTIONS: ChannelOptions = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': 8 * 1024 * 1024,
};

/** How long calls may take to end by themselves when the listener closes, in milliseconds. */
const LONGEST_SHUTDOWN = 1_000;
/** How often the listener's own certificate is looked at, in milliseconds. */
const CERTIFICATE_CHECK = 3_600_000;

/** A gRPC server over TLS with the certificate of this replica, renewed in place. */
export class GrpcListener {
  readonly server = new Server(OPTIONS);
  #endpoint = '';
  #timer: NodeJS.Timeout | undefined;

  /** `host:port` as clients dial it; empty before `listen`. */
  get endpoint(): string {
    return this.#endpoint;
  }

  /** Binds; port 0 picks a free one. Rejects when the address is taken. */
  async listen(
    listen: Listen,
    pki: PkiService,
    clients: ClientCertificates,
    onError: (error: unknown) => void,
    advertise?: string,
  ): Promise<void> {
    let certificate = await pki.serverCertificate();
    const credentials = new TlsCredentials(certificate, clients);
    const port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(hostPort(listen.host, listen.port), credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    this.#endpoint = hostPort(advertise ?? reachable(listen.host), port);
    const renew = async (): Promise<void> => {
      const fresh = await pki.serverCertificate();
      if (fresh.certificatePem !== certificate.certificatePem) credentials.renew(fresh);
      certificate = fresh;
    };
    this.#timer = setInterval(() => void renew().catch(onError), CERTIFICATE_CHECK).unref();
  }

  /** Takes no new call, gives those under way a moment, then ends them. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.server.forceShutdown();
        resolve();
      }, LONGEST_SHUTDOWN);
      this.server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

export const hostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

const reachable = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host);
