import { ServerCredentials } from '@grpc/grpc-js';
import type { KeyAndCertificate } from '../pki/index.js';

/** Whether clients must show a certificate of the cluster's authority. */
export type ClientCertificates = 'required' | 'optional';

type Certificate = Pick<KeyAndCertificate, 'certificatePem' | 'keyPem'> & { caPem: string };

const contextOf = (certificate: Certificate) => ({
  ca: certificate.caPem,
  cert: certificate.certificatePem,
  key: certificate.keyPem,
  minVersion: 'TLSv1.2' as const,
});

/**
 * TLS of a gRPC server that asks for a client certificate: without one that verifies the connection is refused
 * (`required`), or the call has no peer certificate (`optional`; `getAuthContext` shows verified ones only).
 */
export class TlsCredentials extends ServerCredentials {
  constructor(certificate: Certificate, clients: ClientCertificates) {
    super({ requestCert: true, rejectUnauthorized: clients === 'required' }, contextOf(certificate));
  }

  /** New connections get this certificate; those that are up stay. */
  renew(certificate: Certificate): void {
    this.updateSecureContextOptions(contextOf(certificate));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
