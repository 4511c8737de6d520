import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { se } from '@spillway/protocol';
import { Gauge, Registry } from 'prom-client';
import { Endpoints } from '../config/endpoints.js';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { GrpcListener } from '../grpc/listener.js';
import { PkiService } from '../pki/index.js';
import { ObjectCache } from '../store/index.js';
import { ChannelService } from './channel.service.js';
import { LivenessService } from './liveness.service.js';
import { RuntimeWriter } from './runtime-writer.js';
import { SeSessions } from './sessions.js';
import { MonitorCountIntake } from './monitor-counts.js';
import { StatusIntake } from './status-intake.js';

/** The listener of the SE channel, and the order in which its parts start and end. */
@Injectable()
export class SeChannelServer implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #listener = new GrpcListener();
  #unsubscribe: (() => void) | undefined;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly pki: PkiService,
    private readonly cache: ObjectCache,
    private readonly channel: ChannelService,
    private readonly sessions: SeSessions,
    private readonly liveness: LivenessService,
    private readonly intake: StatusIntake,
    private readonly monitorCounts: MonitorCountIntake,
    private readonly runtime: RuntimeWriter,
    private readonly endpoints: Endpoints,
    registry: Registry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    registry.registerMetric(
      new Gauge({
        name: 'spillway_se_failover_held',
        help: 'SEs that seem lost and are not given up, since too many of their group are',
        registers: [],
        collect() {
          this.set(liveness.held.size);
        },
      }),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    this.#listener.server.addService(se.SeChannelService, this.channel.implementation);
    await this.#listener.listen(
      this.settings.grpc,
      this.pki,
      'required',
      (err) => this.logger.error({ err }, 'could not renew the certificate of the SE channel'),
      this.settings.advertise,
    );
    this.endpoints.set('grpc', this.#listener.endpoint);
    const subscription = this.cache.changes.subscribe((changes) => {
      for (const c of changes)
        if (c.kind === 'serviceengine' && c.change === 'deleted') this.channel.release(c.uuid);
    });
    this.#unsubscribe = () => subscription.unsubscribe();
    this.liveness.start();
    this.logger.info({ grpc: this.#listener.endpoint }, 'service engines can attach');
  }

  async onApplicationShutdown(): Promise<void> {
    this.#unsubscribe?.();
    await this.liveness.close();
    for (const session of this.sessions.all())
      session.end('stream_lost', { $case: 'goodbye', value: { reason: 'this controller stops' } });
    await this.#listener.close();
    await this.intake.close();
    await this.monitorCounts.close();
    await this.runtime.close();
  }
}
