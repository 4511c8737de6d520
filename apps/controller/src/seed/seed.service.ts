import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { applyDefaults } from '@spillway/model';
import type { Logger } from '../config/logger.js';
import type { Settings } from '../config/settings.js';
import { UserCredential } from '../database/entities/index.js';
import { hashPassword } from '../identity/password.js';
import { randomText } from '../identity/secrets.js';
import { fillReferences } from '../rest/server-defaults.js';
import type { ObjectCache, ObjectStore, StoreTransaction } from '../store/index.js';
import { systemCertificates } from './certificates.js';
import { ADMIN_USER, materialise, systemObjects, type Seed } from './system-objects.js';

/** The file with admin's generated password, in the controller's directory, while it is the initial one. */
export const INITIAL_PASSWORD_FILE = 'initial-password';

/** Makes the system objects that are missing. What is there already is never changed: it belongs to its owner now. */
export class SeedService {
  private readonly logger: Logger;

  constructor(
    private readonly cache: ObjectCache,
    private readonly store: ObjectStore,
    private readonly settings: Pick<Settings, 'dir' | 'adminPassword' | 'defaultCloud'>,
    logger: Logger,
  ) {
    this.logger = logger.child({ part: 'seed' });
  }

  async seed(): Promise<void> {
    const plain = systemObjects(this.settings.defaultCloud);
    const missing = (seeds: readonly Seed[]): Seed[] =>
      seeds.filter((seed) => !this.cache.get(materialise(seed, seeds).uuid));
    const needsCertificates = !this.cache.get(ADMIN_USER);
    const seeds = needsCertificates ? [...plain, ...(await systemCertificates())] : plain;
    const wanted = missing(seeds);
    if (wanted.length === 0) return;
    const credential = wanted.some((seed) => seed.kind === 'user') ? await this.adminCredential() : undefined;
    await this.store.transaction(async (tx) => {
      // Another replica may have been first.
      for (const seed of wanted) await create(tx, seed, seeds);
      if (credential)
        await tx.manager.upsert(UserCredential, { user_uuid: ADMIN_USER, ...credential }, ['user_uuid']);
    });
    this.logger.info({ objects: wanted.length }, 'made the system objects');
  }

  private async adminCredential(): Promise<{ password_hash: string }> {
    const password = this.settings.adminPassword ?? randomText(20);
    if (this.settings.adminPassword === undefined) {
      const file = path.join(this.settings.dir, INITIAL_PASSWORD_FILE);
      writeFileSync(file, `${password}\n`, { mode: 0o600 });
      chmodSync(file, 0o600);
    }
    return { password_hash: await hashPassword(password) };
  }
}

async function create(tx: StoreTransaction, seed: Seed, seeds: readonly Seed[]): Promise<void> {
  const { uuid, spec } = materialise(seed, seeds);
  if (tx.get(uuid)) return;
  const filled = applyDefaults(seed.kind, fillReferences(seed.kind, spec, tx) as never);
  await tx.create(seed.kind, filled as never, { uuid, systemDefault: seed.systemDefault ?? true });
}
