import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { se } from '@spillway/protocol';
import { DataSource } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import type { SeSession } from '../se-channel/session.js';
import { SeSessions } from '../se-channel/sessions.js';
import { Peers } from './peers.js';
import { PeerNewsRelay } from './relay.js';
import { NotifiedReplicas } from './replicas.js';

/** News between SEs of one virtual service, over all replicas. */
@Injectable()
export class PeerNewsService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly replicas: NotifiedReplicas;
  private readonly relay: PeerNewsRelay;

  constructor(
    dataSource: DataSource,
    sessions: SeSessions,
    @Inject(SETTINGS) settings: Settings,
    @Inject(LOGGER) logger: Logger,
  ) {
    const log = logger.child({ part: 'peer-news' });
    this.replicas = new NotifiedReplicas(dataSource, settings.databaseUrl, log);
    this.relay = new PeerNewsRelay(sessions, new Peers(dataSource), this.replicas, log);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.replicas.listen((to, news) => this.relay.deliver(to, news));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.replicas.close();
  }

  take(from: SeSession, news: se.PeerNews): void {
    this.relay.take(from, news);
  }
}
