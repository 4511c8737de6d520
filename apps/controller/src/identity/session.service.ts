import { Injectable } from '@nestjs/common';
import { DataSource, In, LessThan, type Repository } from 'typeorm';
import { ApiToken, Session } from '../database/entities/index.js';
import { ObjectCache } from '../store/index.js';
import { digest, randomText } from './secrets.js';

const MINUTE_MS = 60_000;
/** A session's last use is written at most this often. */
const TOUCH_MS = 20_000;
/** However busy, a session ends after a day. */
const LONGEST_SESSION_MS = 24 * 60 * MINUTE_MS;

export interface OpenedSession {
  readonly id: string;
  readonly csrfToken: string;
}

/** Sessions and API tokens. Only hashes of what clients hold are stored. */
@Injectable()
export class SessionService {
  private readonly sessions: Repository<Session>;
  private readonly tokens: Repository<ApiToken>;

  constructor(
    dataSource: DataSource,
    private readonly cache: ObjectCache,
  ) {
    this.sessions = dataSource.getRepository(Session);
    this.tokens = dataSource.getRepository(ApiToken);
  }

  /** Minutes without a request after which a session ends. */
  idleMinutes(): number {
    for (const properties of this.cache.byKind('controllerproperties')) {
      const minutes = properties.spec['api_idle_timeout'];
      if (typeof minutes === 'number' && minutes > 0) return minutes;
    }
    return 15;
  }

  async open(userUuid: string): Promise<OpenedSession> {
    const id = randomText(32);
    const csrfToken = randomText(32);
    const now = new Date();
    await this.sessions.delete({ expires_at: LessThan(now) });
    await this.sessions.insert({
      id_hash: digest(id),
      csrf_token: csrfToken,
      user_uuid: userUuid,
      last_used_at: now,
      expires_at: this.idleEnd(now, now),
    });
    return { id, csrfToken };
  }

  /** The first valid session among those a client sent, its time-out pushed on. `renewed`: cookies may be sent again. */
  async use(ids: readonly string[]): Promise<{ session: Session; id: string; renewed: boolean } | undefined> {
    if (ids.length === 0) return undefined;
    const rows = await this.sessions.findBy({ id_hash: In(ids.map(digest)) });
    const now = new Date();
    const session = rows.find((row) => row.expires_at > now);
    if (!session) return undefined;
    const id = ids.find((candidate) => digest(candidate) === session.id_hash) ?? '';
    const renewed = now.getTime() - session.last_used_at.getTime() > TOUCH_MS;
    if (renewed) {
      const expires_at = this.idleEnd(now, session.created_at);
      await this.sessions.update({ id_hash: session.id_hash }, { last_used_at: now, expires_at });
    }
    return { session, id, renewed };
  }

  async close(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.sessions.delete({ id_hash: In(ids.map(digest)) });
  }

  /** Ends what a user has open: on a new password, or when the user goes. */
  async closeAllOf(userUuid: string): Promise<void> {
    await this.sessions.delete({ user_uuid: userUuid });
    await this.tokens.delete({ user_uuid: userUuid });
  }

  async issueToken(userUuid: string, hours: number): Promise<{ token: string; expiresAt: Date }> {
    const token = randomText(48);
    const expiresAt = new Date(Date.now() + hours * 60 * MINUTE_MS);
    await this.tokens.delete({ expires_at: LessThan(new Date()) });
    await this.tokens.insert({ token_hash: digest(token), user_uuid: userUuid, expires_at: expiresAt });
    return { token, expiresAt };
  }

  /** The user of a token that is still good. */
  async userOfToken(token: string): Promise<string | undefined> {
    const row = await this.tokens.findOneBy({ token_hash: digest(token) });
    return row && row.expires_at > new Date() ? row.user_uuid : undefined;
  }

  private idleEnd(now: Date, since: Date): Date {
    return new Date(
      Math.min(now.getTime() + this.idleMinutes() * MINUTE_MS, since.getTime() + LONGEST_SESSION_MS),
    );
  }
}
