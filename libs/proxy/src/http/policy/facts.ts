import type { Facts, Variable } from '@spillway/policy';
import { certificateFacts, type CertificateFacts } from '../features/certificate-facts.js';
import { newRequestId } from '../features/request-id.js';
import type { Exchange } from '../exchange.js';

const OF_CERTIFICATE: Readonly<Partial<Record<Variable, keyof CertificateFacts>>> = {
  ssl_client_fingerprint: 'fingerprint',
  ssl_client_serial: 'serial',
  ssl_client_issuer: 'issuer',
  ssl_client_subject: 'subject',
  ssl_client_raw: 'raw',
  ssl_client_escaped: 'escaped',
  ssl_client_version: 'certificate_version',
  ssl_client_sigalg: 'signature_algorithm',
  ssl_client_notvalidbefore: 'not_before',
  ssl_client_notvalidafter: 'not_after',
};

/** What rules ask about the connection of the exchange that they decide about. */
class ExchangeFacts implements Facts {
  x!: Exchange;

  variable(name: Variable): string | undefined {
    const { ends, tls } = this.x.connection;
    const ofCertificate = OF_CERTIFICATE[name];
    if (ofCertificate !== undefined) {
      const certificate = tls?.clientCertificate ?? null;
      return certificate === null ? undefined : certificateFacts(certificate)[ofCertificate];
    }
    // The rest is in the table above.
    // oxlint-disable-next-line switch-exhaustiveness-check
    switch (name) {
      case 'client_ip':
        return this.x.clientAddress ?? ends.remoteAddress;
      case 'source_ip':
        return ends.remoteAddress;
      case 'vs_ip':
        return ends.localAddress;
      case 'vs_port':
        return String(ends.localPort);
      case 'request_id':
        this.x.requestId ||= newRequestId();
        return this.x.requestId;
      case 'ssl_protocol':
        return tls?.version;
      case 'ssl_cipher':
        return tls?.cipher;
      case 'ssl_server_name':
        return tls?.serverName || undefined;
      default:
        return undefined;
    }
  }
}

export const facts = new ExchangeFacts();
