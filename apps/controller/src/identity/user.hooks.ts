import { rmSync } from 'node:fs';
import path from 'node:path';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { checkRules } from '@spillway/model';
import { SETTINGS, type Settings } from '../config/settings.js';
import { UserCredential } from '../database/entities/index.js';
import { ApiError, errors } from '../errors.js';
import { textOf } from '../rest/text.js';
import { fieldErrors } from '../rest/field-report.js';
import {
  HookRegistry,
  isSealed,
  ObjectCache,
  type ObjectView,
  type Prepared,
  type Spec,
  type StoredObject,
  type StoreTransaction,
} from '../store/index.js';
import { ADMIN_USER } from '../seed/system-objects.js';
import { INITIAL_PASSWORD_FILE } from '../seed/seed.service.js';
import { hashPassword } from './password.js';

/** Passwords go into `user_credential` as a hash, never into the object; a user who goes takes sessions along. */
@Injectable()
export class UserHooks implements OnModuleInit {
  constructor(
    private readonly hooks: HookRegistry,
    private readonly cache: ObjectCache,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    this.hooks.register('user', {
      prepare: (spec) => this.prepare(spec),
      beforeWrite: (tx, { before, spec }) => {
        refuseTakenUsername(tx, before, spec);
        if (before?.systemDefault && (spec['is_superuser'] !== true || spec['is_active'] === false))
          throw new ApiError(
            403,
            'SYSTEM_DEFAULT',
            `User ${before.name} stays an active superuser: somebody has to.`,
          );
        return spec;
      },
      afterRemove: (tx, user) => forget(tx, user.uuid),
    });
  }

  private async prepare(spec: Spec): Promise<Prepared> {
    const { password, ...open } = spec;
    if (typeof password !== 'string' || password === '' || isSealed(password)) return { spec: open };
    const [system] = this.cache.byKind('systemconfiguration');
    const refused = checkRules('user', spec as never, system ? { system: system.spec as never } : {});
    if (refused.length > 0) throw fieldErrors(refused);
    const hash = await hashPassword(password);
    return { spec: open, after: (tx, object) => this.store(tx, object, hash) };
  }

  private async store(tx: StoreTransaction, user: StoredObject, hash: string): Promise<void> {
    await setPassword(tx, user.uuid, hash);
    // A generated password that is no longer good must not lie about.
    if (user.uuid === ADMIN_USER)
      rmSync(path.join(this.settings.dir, INITIAL_PASSWORD_FILE), { force: true });
  }
}

/** Stores a password's hash and ends what is open under the old one. */
export async function setPassword(tx: StoreTransaction, userUuid: string, hash: string): Promise<void> {
  await forget(tx, userUuid);
  await tx.manager.insert(UserCredential, { user_uuid: userUuid, password_hash: hash });
}

async function forget(tx: StoreTransaction, userUuid: string): Promise<void> {
  await tx.manager.delete(UserCredential, { user_uuid: userUuid });
  await tx.manager.query('DELETE FROM session WHERE user_uuid = $1', [userUuid]);
  await tx.manager.query('DELETE FROM api_token WHERE user_uuid = $1', [userUuid]);
}

/** A login name must mean one user, whether it is a name or a username. */
function refuseTakenUsername(view: ObjectView, before: StoredObject | undefined, spec: Spec): void {
  const wanted = [spec['name'], spec['username']];
  for (const other of view.byKind('user')) {
    if (other.uuid === before?.uuid) continue;
    const taken = [other.name, other.spec['username']].find((name) => wanted.includes(name));
    if (taken !== undefined) throw errors.conflict('User with this Username already exists.', textOf(taken));
  }
}
