import { Global, Module } from '@nestjs/common';
import { EventController } from './event.controller.js';
import { EventReader } from './event-reader.js';
import { EventService } from './event.service.js';

/** Recording and reading of events. `EventService` is injectable everywhere. */
@Global()
@Module({
  controllers: [EventController],
  providers: [EventService, EventReader],
  exports: [EventService, EventReader],
})
export class EventModule {}
