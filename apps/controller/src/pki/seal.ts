import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A secret that cannot be read or opened; `code` is stable. */
export class SecretError extends Error {
  constructor(
    readonly code: 'SECRET_KEY_INVALID' | 'SECRET_NOT_OPENED',
    message: string,
  ) {
    super(message);
    this.name = 'SecretError';
  }
}

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 1;

/**
 * The key that seals secrets in the database: 32 random bytes in base64, made at the first start (mode 600). All
 * replicas of one cluster need the same file.
 */
export function loadSecretKey(file: string): Buffer {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    // Exclusive, so that two processes starting at once agree on the first one's key.
    writeFileSync(file, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
  if (key.length !== KEY_BYTES)
    throw new SecretError(
      'SECRET_KEY_INVALID',
      `${file} holds ${key.length} bytes, a secret key has ${KEY_BYTES} in base64; put the cluster's key file back`,
    );
  return key;
}

/** AES-256-GCM; `context` names what is sealed, so that one sealed secret cannot stand in for another. */
export function seal(key: Buffer, plain: Buffer, context: string): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.from([VERSION]), iv, cipher.getAuthTag(), body]);
}

/** Opens what `seal` made with the same key and context, else throws `SECRET_NOT_OPENED`. */
export function unseal(key: Buffer, sealed: Buffer, context: string): Buffer {
  try {
    if (sealed[0] !== VERSION) throw new Error(`version ${sealed[0]}`);
    const iv = sealed.subarray(1, 1 + IV_BYTES);
    const tag = sealed.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context)).setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed.subarray(1 + IV_BYTES + TAG_BYTES)), decipher.final()]);
  } catch {
    throw new SecretError(
      'SECRET_NOT_OPENED',
      `${context} does not open with this secret key; start with the secret key file that the cluster was made with`,
    );
  }
}
