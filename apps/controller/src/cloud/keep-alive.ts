import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { LOGGER, type Logger } from '../config/logger.js';
import { textOf } from '../placement/fields.js';
import { ObjectCache } from '../store/index.js';
import { CloudService, CONNECTORS } from './cloud.service.js';
import type { CloudConnector, CloudSe } from './connector.js';

const LOOK_MS = 2_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/**
 * Starts SEs again that a connector made and that ended by themselves, waiting longer each time, and takes away those
 * whose objects are deleted. An object that is merely missing ends nothing.
 */
@Injectable()
export class KeepAlive implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger: Logger;
  private timer: NodeJS.Timeout | undefined;
  private following: Subscription | undefined;
  private running: Promise<void> | undefined;
  /** Name -> wait and when the next start is due, in milliseconds. */
  private readonly backOff = new Map<string, { wait: number; due: number }>();

  constructor(
    private readonly clouds: CloudService,
    private readonly cache: ObjectCache,
    @Inject(CONNECTORS) private readonly connectors: ReadonlyMap<string, CloudConnector>,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'cloud' });
  }

  onApplicationBootstrap(): void {
    this.following = this.cache.changes.subscribe((changes) => {
      for (const { kind, uuid, change } of changes)
        if (kind === 'serviceengine' && change === 'deleted') void this.takeAway(uuid);
    });
    this.timer = setInterval(() => {
      this.running ??= this.look().finally(() => (this.running = undefined));
    }, LOOK_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    this.following?.unsubscribe();
    await this.running;
  }

  async look(now = Date.now()): Promise<void> {
    for (const connector of this.connectors.values()) {
      try {
        for (const se of await connector.list()) await this.keep(connector, se, now);
      } catch (err) {
        this.logger.warn(
          { err, connector: connector.name },
          'could not look after the service engines of a cloud',
        );
      }
    }
  }

  private async takeAway(seUuid: string): Promise<void> {
    for (const connector of this.connectors.values())
      try {
        for (const se of await connector.list()) if (se.seUuid === seUuid) await connector.delete(se);
      } catch (err) {
        this.logger.warn(
          { err, connector: connector.name, se: seUuid },
          'could not take a service engine away',
        );
      }
  }

  private async keep(connector: CloudConnector, se: CloudSe, now: number): Promise<void> {
    const object = this.cache.get(se.seUuid);
    if (object === undefined) return;
    if (se.running) {
      this.backOff.delete(se.name);
      return;
    }
    const waiting = this.backOff.get(se.name);
    if (waiting !== undefined && now < waiting.due) return;
    const wait = Math.min((waiting?.wait ?? FIRST_WAIT_MS / 2) * 2, LONGEST_WAIT_MS);
    this.backOff.set(se.name, { wait, due: now + wait });
    this.logger.warn(
      { se: se.name, connector: connector.name },
      'a service engine ended; it is started again',
    );
    await this.clouds.create({
      seUuid: se.seUuid,
      name: se.name,
      groupUuid: textOf(object.spec, 'se_group_ref'),
      cloudUuid: textOf(object.spec, 'cloud_ref'),
    });
  }
}
