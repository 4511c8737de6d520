import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { TICKET_SECRETS, type TicketSecrets } from '@spillway/translator';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { QueueService } from '../queue/queue.service.js';
import { ObjectCache, ObjectStore, SecretBox, type Spec } from '../store/index.js';

/** Not a published kind: no API shows it, and no export holds it. */
export const TICKET_SECRETS_KIND = 'ticketsecrets';

const LOOK_MS = 60_000;
const BYTES = 32;

interface Held extends TicketSecrets {
  readonly rotated_at: string;
}

/**
 * The secrets that session tickets of all virtual services are made of: the one in use, the one before, and the one
 * that comes next. SEs know the next one before any of them uses it, and keep the last one as long again, so that a
 * rotation costs no resumption wherever it has arrived already. Sealed in the database; a restored cluster makes new
 * ones.
 */
@Injectable()
export class TicketSecretsService implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger: Logger;

  constructor(
    private readonly store: ObjectStore,
    private readonly cache: ObjectCache,
    private readonly secrets: SecretBox,
    private readonly queue: QueueService,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'ticketKeyRotationMs'>,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'ticket-secrets' });
  }

  onModuleInit(): void {
    this.queue.sweep('ticket-secrets', LOOK_MS, () => this.rotateIfDue());
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.cache.get(TICKET_SECRETS) !== undefined) return;
    await this.store.transaction(async (tx) => {
      if (tx.get(TICKET_SECRETS) !== undefined) return; // another replica was first
      const spec = this.specOf([fresh(), fresh(), fresh()]);
      await tx.create(TICKET_SECRETS_KIND, spec, { uuid: TICKET_SECRETS, systemDefault: true });
    });
  }

  /** The next secret is used from now on, the one in use is kept, and a new one is made for the time after. */
  async rotate(): Promise<void> {
    await this.rotateUnless(() => false);
  }

  async rotateIfDue(now = Date.now()): Promise<void> {
    const held = this.cache.get(TICKET_SECRETS)?.spec as unknown as Held | undefined;
    if (held === undefined || this.isFresh(held, now)) return;
    await this.rotateUnless((latest) => this.isFresh(latest, now));
  }

  private isFresh(held: Held, now: number): boolean {
    return now - Date.parse(held.rotated_at) < this.settings.ticketKeyRotationMs;
  }

  private async rotateUnless(done: (held: Held) => boolean): Promise<void> {
    const rotated = await this.store.transaction(async (tx) => {
      const held = tx.get(TICKET_SECRETS)?.spec as unknown as Held | undefined;
      if (held === undefined || done(held)) return false;
      const [current, , next] = held.secrets;
      await tx.replace(
        TICKET_SECRETS_KIND,
        TICKET_SECRETS,
        this.specOf([next ?? fresh(), current ?? fresh(), fresh()]),
      );
      return true;
    });
    if (rotated) this.logger.info('rotated the secrets of session tickets');
  }

  private specOf(secrets: readonly string[]): Spec {
    return {
      name: 'session tickets',
      secrets: secrets.map((s) => this.secrets.seal(TICKET_SECRETS, s)),
      rotated_at: new Date().toISOString(),
    };
  }
}

const fresh = (): string => randomBytes(BYTES).toString('base64');
