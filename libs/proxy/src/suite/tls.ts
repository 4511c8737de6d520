import type { TlsProfile } from '@spillway/snapshot';
import { ClientContext } from '../tls/client-contexts.js';
import { ServerContexts } from '../tls/server-contexts.js';
import { TlsTransport } from '../tls/transport.js';
import { wireHere } from '../tls/wire.js';
import type { Transport } from '../transport/seam.js';
import { certificate } from '@spillway/testing/certificates';

export const TLS: TlsProfile = {
  versions: ['TLSv1.2', 'TLSv1.3'],
  ciphers: 'ECDHE+AESGCM',
  ciphersuites: 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256',
  groups: '',
  signature_algorithms: '',
  prefer_client_cipher_ordering: false,
  send_close_notify: true,
  session_reuse: true,
  session_timeout: 86_400,
};

/** The same transport, with TLS on every connection. */
export async function overTls(under: Transport, profile: Partial<TlsProfile> = {}): Promise<Transport> {
  const wire = wireHere();
  const certificates = [await certificate({ cn: 'test.example' })];
  const spec = {
    profile: { ...TLS, ...profile },
    certificate_uuids: certificates.map((c) => c.uuid),
    protocols: [],
  };
  return new TlsTransport(
    under,
    new ServerContexts(wire, spec, certificates, 'test'),
    new ClientContext(wire, { profile: spec.profile, sni_enabled: false }, null, []),
  );
}
