import { Global, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { PeerNewsService } from '../peer-news/peer-news.service.js';
import { ObjectCache } from '../store/index.js';
import { ChannelService } from './channel.service.js';
import { EnrolmentController } from './enrolment.controller.js';
import { EnrolmentService } from './enrolment.service.js';
import { Inspections } from './inspections.js';
import { LIVENESS, LIVENESS_SETTINGS, LivenessService } from './liveness.service.js';
import { MonitorCountIntake } from './monitor-counts.js';
import { RuntimeWriter } from './runtime-writer.js';
import { SeChannelServer } from './se-channel.server.js';
import { SeEvents } from './se-events.js';
import { SeSessions } from './sessions.js';
import { StatusIntake } from './status-intake.js';

/** Milliseconds that acks and heartbeats wait for company before `se_runtime` is written. */
const RUNTIME_DELAY = 100;

const failedWrite =
  (logger: Logger, what: string) =>
  (err: unknown, size: number): void =>
    logger.warn({ err, size }, `could not write ${what}; tried again soon`);

/** The channel to SEs. `SeEvents` is injectable everywhere: what SEs say, as news inside this replica. */
@Global()
@Module({
  controllers: [EnrolmentController],
  providers: [
    {
      provide: SeEvents,
      inject: [LOGGER],
      useFactory: (logger: Logger) =>
        new SeEvents((name, err) => logger.error({ err, event: name }, 'a listener of SE events failed')),
    },
    { provide: SeSessions, useFactory: () => new SeSessions() },
    { provide: Inspections, useFactory: () => new Inspections() },
    {
      provide: StatusIntake,
      inject: [DataSource, SeEvents, LOGGER],
      useFactory: (dataSource: DataSource, events: SeEvents, logger: Logger) =>
        new StatusIntake(dataSource, events, failedWrite(logger, 'what service engines say')),
    },
    {
      provide: RuntimeWriter,
      inject: [DataSource, LOGGER],
      useFactory: (dataSource: DataSource, logger: Logger) =>
        new RuntimeWriter(dataSource, RUNTIME_DELAY, failedWrite(logger, 'se_runtime')),
    },
    {
      provide: MonitorCountIntake,
      inject: [DataSource, ObjectCache, LOGGER],
      useFactory: (dataSource: DataSource, cache: ObjectCache, logger: Logger) =>
        new MonitorCountIntake(dataSource, cache, failedWrite(logger, 'counts of health checks')),
    },
    { provide: LIVENESS_SETTINGS, useValue: LIVENESS },
    LivenessService,
    PeerNewsService,
    ChannelService,
    EnrolmentService,
    SeChannelServer,
  ],
  exports: [
    SeEvents,
    SeSessions,
    Inspections,
    StatusIntake,
    MonitorCountIntake,
    RuntimeWriter,
    EnrolmentService,
    LivenessService,
  ],
})
export class SeChannelModule {}
