import { createPublicKey } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { errors } from '../../errors.js';
import {
  HookRegistry,
  isSealed,
  SecretBox,
  type Prepared,
  type Spec,
  type StoredObject,
} from '../../store/index.js';
import { describeCertificate, describeKey, readCertificate, readKey } from './certificate.js';

/** Reads certificate and key when they are written: what they say becomes fields, and they must belong together. */
@Injectable()
export class SslKeyAndCertificateHooks implements OnModuleInit {
  constructor(
    private readonly hooks: HookRegistry,
    private readonly secrets: SecretBox,
  ) {}

  onModuleInit(): void {
    this.hooks.register('sslkeyandcertificate', {
      prepare: (spec, before): Prepared => ({ spec: this.read(spec, before) }),
      decorate: async (objects) => new Map(objects.map((object) => [object.uuid, expiryNow(object)])),
    });
  }

  private read(spec: Spec, before: StoredObject | undefined): Spec {
    const given = (spec['certificate'] ?? {}) as Spec;
    const pem = decoded(given['certificate'], spec['certificate_base64']);
    if (pem === undefined || pem === '') return { ...spec, status: 'SSL_CERTIFICATE_PENDING' };
    const certificate = readCertificate(pem, 'certificate.certificate');
    const key = this.keyOf(spec, before);
    if (key !== undefined) {
      const mine = createPublicKey(readKey(key, passphrase(spec))).export({ type: 'spki', format: 'der' });
      if (!mine.equals(certificate.publicKey.export({ type: 'spki', format: 'der' })))
        throw errors.badRequest(
          'FIELD_INVALID',
          'Field check for key failed : it does not belong to the certificate. Give the pair.',
          { field: 'key' },
        );
    }
    const { certificate_base64: _c, key_base64: _k, ...rest } = spec;
    return {
      ...rest,
      ...(typeof spec['key'] === 'string' && !isSealed(spec['key']) ? { key } : {}),
      certificate: { ...given, certificate: pem, ...describeCertificate(certificate) },
      key_params: describeKey(certificate.publicKey),
      status: 'SSL_CERTIFICATE_FINISHED',
    };
  }

  /** The key in clear, whether just given or kept from before. */
  private keyOf(spec: Spec, before: StoredObject | undefined): string | undefined {
    const { key } = spec;
    if (typeof key !== 'string' || key === '') return undefined;
    return isSealed(key) && before ? this.secrets.open(before.uuid, key) : decoded(key, spec['key_base64']);
  }
}

const passphrase = (spec: Spec): string | undefined =>
  typeof spec['key_passphrase'] === 'string' && !isSealed(spec['key_passphrase'])
    ? spec['key_passphrase']
    : undefined;

function decoded(value: unknown, base64: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  return base64 === true ? Buffer.from(value, 'base64').toString() : value;
}

/** How long a certificate still lives is told as of now, not as of the write. */
function expiryNow(object: StoredObject): Spec {
  const held = (object.spec['certificate'] ?? {}) as Spec;
  const { certificate: pem } = held;
  if (typeof pem !== 'string' || pem === '') return {};
  return { certificate: { ...held, ...describeCertificate(readCertificate(pem, 'certificate')) } };
}
