import { Injectable } from '@nestjs/common';
import { DataSource, type Repository } from 'typeorm';
import { UserCredential } from '../database/entities/index.js';
import { errors } from '../errors.js';
import { ObjectCache, type StoredObject } from '../store/index.js';
import { verifyNobody, verifyPassword } from './password.js';
import { FailureLimiter, type Limit } from './rate-limit.js';
import { SessionService } from './session.service.js';

/** Failed logins from one address, whoever they say they are. */
const PER_ADDRESS: Limit = { failures: 30, windowMs: 60_000 };

/** Checks passwords and tokens, with a limit on failures per address and per user. */
@Injectable()
export class Authenticator {
  private readonly limiter = new FailureLimiter();
  private readonly credentials: Repository<UserCredential>;

  constructor(
    dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly sessions: SessionService,
  ) {
    this.credentials = dataSource.getRepository(UserCredential);
  }

  /** The user, or a 401; a 429 where an address or a user failed too often. */
  async byPassword(name: string, password: string, address: string): Promise<StoredObject> {
    return this.limited(`user ${name}`, address, async () => {
      const user = this.userByName(name);
      const credential = user ? await this.credentials.findOneBy({ user_uuid: user.uuid }) : null;
      const good = credential
        ? await verifyPassword(password, credential.password_hash)
        : await verifyNobody(password);
      return good ? user : undefined;
    });
  }

  async byToken(token: string, address: string, name?: string): Promise<StoredObject> {
    return this.limited(`token ${name ?? ''}`, address, async () => {
      const uuid = await this.sessions.userOfToken(token);
      const user = uuid === undefined ? undefined : this.cache.get(uuid);
      return user && (name === undefined || name === '' || user.name === name) ? user : undefined;
    });
  }

  private userByName(name: string): StoredObject | undefined {
    const [named] = this.cache.byName('user', name);
    if (named) return named;
    for (const user of this.cache.byKind('user')) if (user.spec['username'] === name) return user;
    return undefined;
  }

  private async limited(
    key: string,
    address: string,
    check: () => Promise<StoredObject | undefined>,
  ): Promise<StoredObject> {
    const perUser = this.userLimit();
    const from = `address ${address}`;
    const wait = Math.max(this.limiter.wait(key, perUser), this.limiter.wait(from, PER_ADDRESS));
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1000);
      throw errors.tooManyRequests(`Too many failed logins. Try again in ${seconds} s.`, seconds);
    }
    const user = await check();
    if (!user || user.spec['is_active'] === false) {
      this.limiter.failed(key, perUser);
      this.limiter.failed(from, PER_ADDRESS);
      throw errors.unauthenticated('Invalid credentials');
    }
    this.limiter.succeeded(key);
    return user;
  }

  /** `portal_configuration.max_login_failure_count` and `account_lock_timeout` (minutes; 0 means a day here). */
  private userLimit(): Limit {
    for (const system of this.cache.byKind('systemconfiguration')) {
      const portal = system.spec['portal_configuration'] as
        | { max_login_failure_count?: number; account_lock_timeout?: number }
        | undefined;
      const minutes = portal?.account_lock_timeout ?? 30;
      return { failures: portal?.max_login_failure_count ?? 20, windowMs: (minutes || 1440) * 60_000 };
    }
    return { failures: 20, windowMs: 30 * 60_000 };
  }
}
