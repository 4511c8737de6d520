import { argon2Sync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { errors } from '../errors.js';
import { seal, unseal } from '../pki/seal.js';

/** What an export holds only sealed. */
export const SecretPart = z.object({
  /** Whole specs of the objects that have secrets, by uuid. */
  specs: z.record(z.string(), z.record(z.string(), z.unknown())),
  credentials: z.array(z.object({ user_uuid: z.string(), password_hash: z.string() })),
  /** Who the cluster is: with it, its SEs know the restored controller. */
  identity: z.object({
    cluster_uuid: z.string(),
    ca_certificate_pem: z.string(),
    /** PKCS #8 DER in base64. */
    ca_key: z.string(),
    service_engines: z.array(z.object({ se_uuid: z.string(), public_key_fingerprint: z.string() })),
  }),
});
export type SecretPart = z.infer<typeof SecretPart>;

export const SealedPart = z.object({ kdf: z.literal('argon2id'), salt: z.string(), data: z.string() });
export type SealedPart = z.infer<typeof SealedPart>;

const CONTEXT = 'spillway configuration export';
export const SHORTEST_PASSPHRASE = 8;

/** A guess at a passphrase costs 64 MiB and three passes. */
function keyOf(passphrase: string, salt: Buffer): Buffer {
  const cost = { memory: 65_536, passes: 3, parallelism: 1, tagLength: 32 };
  return argon2Sync('argon2id', { message: passphrase.normalize('NFC'), nonce: salt, ...cost });
}

export function sealPart(part: SecretPart, passphrase: string): SealedPart {
  const salt = randomBytes(16);
  const data = seal(keyOf(passphrase, salt), Buffer.from(JSON.stringify(part)), CONTEXT);
  return { kdf: 'argon2id', salt: salt.toString('base64'), data: data.toString('base64') };
}

/** Throws a 400 where the passphrase is another one or the part is damaged. */
export function openPart(sealed: SealedPart, passphrase: string): SecretPart {
  let text: string;
  try {
    const key = keyOf(passphrase, Buffer.from(sealed.salt, 'base64'));
    text = unseal(key, Buffer.from(sealed.data, 'base64'), CONTEXT).toString();
  } catch {
    throw errors.badRequest(
      'PASSPHRASE_WRONG',
      'The secrets do not open with this passphrase. Give the one of the export.',
      { field: 'passphrase' },
    );
  }
  return SecretPart.parse(JSON.parse(text));
}
