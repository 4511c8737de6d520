import { rmSync } from 'node:fs';
import path from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { isKind, kindNames, kinds } from '@spillway/model';
import { Lifecycle } from '../config/lifecycle.js';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { SeRuntime, UserCredential } from '../database/entities/index.js';
import { ApiError } from '../errors.js';
import { loadSecretKey, seal } from '../pki/index.js';
import { INITIAL_PASSWORD_FILE } from '../seed/seed.service.js';
import { ObjectCache, ObjectStore, type StoreTransaction } from '../store/index.js';
import {
  checkDocument,
  knownKind,
  readSpec,
  type ConfigurationDocument,
  type RestoredObject,
} from './document.js';
import { CA_KEY_CONTEXT } from './export.service.js';
import { openPart, type SecretPart } from './sealed-part.js';

export interface RestoreReport {
  readonly objects: number;
  readonly epoch: number;
  /** True: the cluster's identity was taken over, and the controller starts anew with it. */
  readonly restarting: boolean;
}

/** Loads an export into a controller that holds nothing of its own yet: all of it or nothing. */
@Injectable()
export class RestoreService {
  private readonly logger: Logger;

  constructor(
    private readonly cache: ObjectCache,
    private readonly store: ObjectStore,
    private readonly lifecycle: Lifecycle,
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'transfer' });
  }

  /**
   * The epoch rises above that of the export, so that SEs take what is restored for newer than what they run. With the
   * passphrase of a sealed export the cluster keeps its identity, and its SEs come back; without it, SE objects are
   * left out, since their SEs could not.
   */
  async restore(document: ConfigurationDocument, passphrase: string | undefined): Promise<RestoreReport> {
    const part =
      document.sealed && passphrase !== undefined ? openPart(document.sealed, passphrase) : undefined;
    const objects = readObjects(document, part);
    checkDocument(objects);
    this.refuseUnlessEmpty(part !== undefined);
    const epoch = Math.max(this.cache.epoch, document.epoch) + 1;
    await this.store.transaction(async (tx) => {
      this.refuseUnlessEmpty(part !== undefined);
      await tx.manager.query(
        'UPDATE cluster_state SET epoch = $1, generation = greatest(generation, $2) WHERE id = 1',
        [epoch, document.generation],
      );
      for (const object of objects) await write(tx, object);
      if (part) await this.takeIdentity(tx, part);
    });
    this.logger.info(
      { objects: objects.length, epoch, identity: part !== undefined },
      'restored a configuration',
    );
    if (part) {
      // The generated password of this new controller is not admin's any more.
      rmSync(path.join(this.settings.dir, INITIAL_PASSWORD_FILE), { force: true });
      this.lifecycle.requestRestart();
    }
    return { objects: objects.length, epoch, restarting: part !== undefined };
  }

  private refuseUnlessEmpty(withEngines: boolean): void {
    const own: string[] = [];
    for (const kind of kindNames())
      for (const object of this.cache.byKind(kind))
        if (!object.systemDefault && (withEngines || kind !== 'serviceengine'))
          own.push(`${kinds[kind].type} ${object.name}`);
    if (own.length === 0) return;
    throw new ApiError(
      409,
      'NOT_EMPTY',
      `A restore needs an empty controller, and this one has ${own.length} objects of its own, such as ${own.slice(0, 5).join(', ')}. Start a new one with an empty directory or database.`,
    );
  }

  private async takeIdentity(tx: StoreTransaction, { identity, credentials }: SecretPart): Promise<void> {
    const key = loadSecretKey(this.settings.secretKeyFile);
    const sealed = seal(key, Buffer.from(identity.ca_key, 'base64'), CA_KEY_CONTEXT);
    await tx.manager.query(
      'UPDATE cluster_state SET cluster_uuid = $1, ca_certificate_pem = $2, ca_key_sealed = $3 WHERE id = 1',
      [identity.cluster_uuid, identity.ca_certificate_pem, sealed],
    );
    await tx.manager.query('DELETE FROM session');
    for (const { user_uuid, password_hash } of credentials)
      if (tx.get(user_uuid))
        await tx.manager.upsert(UserCredential, { user_uuid, password_hash }, ['user_uuid']);
    for (const { se_uuid, public_key_fingerprint } of identity.service_engines)
      if (tx.get(se_uuid))
        await tx.manager.upsert(SeRuntime, { se_uuid, public_key_fingerprint }, ['se_uuid']);
  }
}

function readObjects(document: ConfigurationDocument, part: SecretPart | undefined): RestoredObject[] {
  return document.objects
    .filter(({ kind }) => part !== undefined || kind !== 'serviceengine')
    .map(({ kind, uuid, system_default, spec: held }) => {
      const spec = readSpec(knownKind(kind), uuid, part?.specs[uuid] ?? held);
      return { kind: knownKind(kind), uuid, systemDefault: system_default, spec };
    });
}

/** Singletons keep their uuid here; they exist once whatever they are called. */
async function write(
  tx: StoreTransaction,
  { kind, uuid, spec, systemDefault }: RestoredObject,
): Promise<void> {
  const there = tx.get(uuid) ?? (isKind(kind) && kinds[kind].singleton ? [...tx.byKind(kind)][0] : undefined);
  if (there) await tx.replace(kind, there.uuid, spec);
  else await tx.create(kind, spec, { uuid, systemDefault });
}
