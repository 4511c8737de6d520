import { Inject, Injectable } from '@nestjs/common';
import { isKind, kinds } from '@spillway/model';
import { SETTINGS, type Settings } from '../config/settings.js';
import { loadSecretKey, seal, unseal } from '../pki/seal.js';
import type { Spec } from './types.js';

const PREFIX = 'sealed:';

/** Whether a value is a sealed secret. Clients may not send one. */
export const isSealed = (value: unknown): value is string =>
  typeof value === 'string' && value.startsWith(PREFIX);

/** Seals what is secret in a spec with the cluster's secret key, so that neither database nor cache holds it in clear. */
@Injectable()
export class SecretBox {
  private key: Buffer | undefined;

  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  /** A copy with every secret sealed for this object; what is sealed already stays. */
  sealSpec(kind: string, uuid: string, spec: Spec): Spec {
    return this.change(kind, spec, (value) => this.seal(uuid, value));
  }

  /** One secret of an object, sealed. */
  seal(uuid: string, value: string): string {
    if (isSealed(value)) return value;
    return PREFIX + seal(this.secretKey(), Buffer.from(value), uuid).toString('base64');
  }

  /** A copy with every secret in clear. Keep it away from replies and logs. */
  openSpec(kind: string, uuid: string, spec: Readonly<Spec>): Spec {
    return this.change(kind, spec, (value) => this.open(uuid, value));
  }

  /** One secret of an object in clear. Throws `SecretError` when the key is another one. */
  open(uuid: string, value: string): string {
    if (!isSealed(value)) return value;
    return unseal(this.secretKey(), Buffer.from(value.slice(PREFIX.length), 'base64'), uuid).toString();
  }

  private change(kind: string, spec: Readonly<Spec>, fn: (value: string) => string): Spec {
    const paths = isKind(kind) ? kinds[kind].secretFields : [];
    return paths.reduce<Spec>((changed, path) => changeAt(changed, path.split('.'), fn) as Spec, spec);
  }

  private secretKey(): Buffer {
    return (this.key ??= loadSecretKey(this.settings.secretKeyFile));
  }
}

/** A copy with the strings at a path changed; `name[]` enters each element. The input itself where nothing is there. */
export function changeAt(value: unknown, path: readonly string[], fn: (value: string) => string): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return typeof value === 'string' && value !== '' ? fn(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  const name = head.replace(/\[\]$/, '');
  const held = (value as Spec)[name];
  if (held === undefined) return value;
  const changed =
    head.endsWith('[]') && Array.isArray(held)
      ? held.map((element: unknown) => changeAt(element, rest, fn))
      : changeAt(held, rest, fn);
  return { ...value, [name]: changed };
}
