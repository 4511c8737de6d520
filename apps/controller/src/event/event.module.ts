import { Global, Module } from '@nestjs/common';
import { EventService } from './event.service.js';

/** Recording and reading of events. `EventService` is injectable everywhere. */
@Global()
@Module({ providers: [EventService], exports: [EventService] })
export class EventModule {}
