import {
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { EnrolmentService } from '../se-channel/enrolment.service.js';
import { SeEvents } from '../se-channel/se-events.js';
import { ObjectCache, type StoredObject } from '../store/index.js';
import { BootstrapTokens, type TokenDesk } from './bootstrap-tokens.js';

const KEY = 'SELECT public_key_fingerprint AS key FROM se_runtime WHERE se_uuid = $1';

/** Enrolment into the group and the cloud that the seed made. */
@Injectable()
export class DefaultGroupDesk implements TokenDesk {
  constructor(
    private readonly dataSource: DataSource,
    private readonly cache: ObjectCache,
    private readonly enrolment: EnrolmentService,
  ) {}

  async hasEnrolled(name: string): Promise<boolean> {
    const cloud = this.#system('cloud', 'Default-Cloud');
    const known = this.cache.byName('serviceengine', name).find((se) => se.scopeUuid === cloud.uuid);
    if (known === undefined) return false;
    const [row]: { key: string }[] = await this.dataSource.query(KEY, [known.uuid]);
    return row !== undefined && row.key !== '';
  }

  createToken(name: string, ttlMs: number): Promise<{ token: string; expiresAt: Date }> {
    const cloud = this.#system('cloud', 'Default-Cloud');
    const group = this.#system('serviceenginegroup', 'Default-Group');
    return this.enrolment.createToken({
      seGroupUuid: group.uuid,
      cloudUuid: cloud.uuid,
      name,
      ttl: ttlMs,
    });
  }

  #system(kind: string, name: string): StoredObject {
    const object = this.cache.byName(kind, name)[0];
    if (object === undefined) throw new Error(`there is no ${kind} ${name} for new service engines to join`);
    return object;
  }
}

/** The life of {@link BootstrapTokens} inside the controller. */
@Injectable()
class BootstrapService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly tokens: BootstrapTokens;
  private unsubscribe: (() => void) | undefined;

  constructor(
    @Inject(SETTINGS) settings: Settings,
    @Inject(LOGGER) logger: Logger,
    desk: DefaultGroupDesk,
    private readonly events: SeEvents,
  ) {
    this.tokens = new BootstrapTokens(
      { dir: settings.bootstrapDir, names: settings.bootstrapSes },
      desk,
      logger.child({ part: 'bootstrap' }),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.tokens.start();
    this.unsubscribe = this.events.on('connected', () => {
      if (this.tokens.waiting.length > 0) this.tokens.lookSoon();
    });
  }

  async onApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    await this.tokens.close();
  }
}

/** Enrolment tokens for the SEs that `SPILLWAY_BOOTSTRAP_SES` names. */
@Module({ providers: [DefaultGroupDesk, BootstrapService] })
export class BootstrapModule {}
