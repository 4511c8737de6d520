import type { HttpProfile } from '@spillway/snapshot';
import type { HeadEdits } from '../edits.js';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';
import type { SomeRules } from '../rules.js';
import { certificateFacts, type CertificateFacts } from './certificate-facts.js';
import { newRequestId } from './request-id.js';

type Headers = NonNullable<HttpProfile['client_certificate_headers']>;

/**
 * Tells the server what TLS has found out about the client. Fields of these names that a client sends itself never
 * go on, with TLS or without: the server could not tell them from ours.
 */
export class CertificateHeaders implements SomeRules {
  private readonly headers: readonly {
    header: string;
    lowerCase: string;
    value: Headers[number]['value'];
  }[];

  constructor(headers: Headers) {
    this.headers = headers.map(({ header, value }) => ({ header, lowerCase: header.toLowerCase(), value }));
  }

  onRequest(x: Exchange, message: Message, edits: HeadEdits): boolean {
    for (const { lowerCase } of this.headers)
      for (let k = message.find(lowerCase); k >= 0; k = message.find(lowerCase, k + 1)) message.head.drop(k);
    for (const { header, value } of this.headers) {
      const text = clientFact(x, value);
      if (text !== '') edits.add(header, text);
    }
    return true;
  }
}

/** Empty where there is nothing to tell. */
function clientFact(x: Exchange, fact: Headers[number]['value']): string {
  const { ends, tls } = x.connection;
  // The rest is what a certificate says.
  // oxlint-disable-next-line switch-exhaustiveness-check
  switch (fact) {
    case 'client_ip':
      return x.clientAddress ?? ends.remoteAddress;
    case 'source_ip':
      return ends.remoteAddress;
    case 'vs_ip':
      return ends.localAddress;
    case 'vs_port':
      return String(ends.localPort);
    case 'request_id':
      x.requestId ||= newRequestId();
      return x.requestId;
    case 'protocol':
      return tls?.version ?? '';
    case 'cipher':
      return tls?.cipher ?? '';
    case 'server_name':
      return tls?.serverName ?? '';
    default:
      return certificateFact(x, fact);
  }
}

function certificateFact(x: Exchange, fact: keyof CertificateFacts): string {
  const certificate = x.connection.tls?.clientCertificate ?? null;
  return certificate === null ? '' : certificateFacts(certificate)[fact];
}
