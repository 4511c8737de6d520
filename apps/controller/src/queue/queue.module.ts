import { Global, Module } from '@nestjs/common';
import { ObjectCache } from '../store/index.js';
import { Housekeeping } from './housekeeping.js';
import { ClusterIdentity, QueueService } from './queue.service.js';

/** Jobs, timers and sweeps. `QueueService` is injectable everywhere. */
@Global()
@Module({
  providers: [{ provide: ClusterIdentity, useExisting: ObjectCache }, QueueService, Housekeeping],
  exports: [QueueService],
})
export class QueueModule {}
