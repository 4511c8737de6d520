import { Global, Module } from '@nestjs/common';
import { Housekeeping } from './housekeeping.js';
import { QueueService } from './queue.service.js';

/** Jobs, timers and sweeps. `QueueService` is injectable everywhere. */
@Global()
@Module({ providers: [QueueService, Housekeeping], exports: [QueueService] })
export class QueueModule {}
