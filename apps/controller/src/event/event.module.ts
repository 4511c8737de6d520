import { Global, Module } from '@nestjs/common';
import { ConfigRecorder } from './config-recorder.js';
import { EventService } from './event.service.js';

/** Recording and reading of events. `EventService` is injectable everywhere. */
@Global()
@Module({ providers: [EventService, ConfigRecorder], exports: [EventService] })
export class EventModule {}
