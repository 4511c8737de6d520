import { Global, Module } from '@nestjs/common';
import { ObjectReader } from '../rest/object-reader.js';
import { ActionController } from './action.controller.js';
import { ActionService } from './action.service.js';
import { OperationAdmin } from './operation-admin.js';
import { OperationFeed } from './operation-feed.js';
import { OperationList } from './operation-list.js';
import { OperationSweeps } from './operation-sweeps.js';
import { OperationRunner } from './operation-runner.js';
import { OperationController } from './operation.controller.js';
import { SeActionController } from './se-action.controller.js';
import { OperationStore } from './operation.store.js';

/** Operations: rows with steps, the runner that carries them on, actions, REST and server-sent events. */
@Global()
@Module({
  controllers: [ActionController, OperationController, SeActionController],
  providers: [
    ObjectReader,
    ActionService,
    OperationAdmin,
    OperationFeed,
    OperationList,
    OperationRunner,
    OperationStore,
    OperationSweeps,
  ],
  exports: [ActionService, OperationFeed, OperationRunner, OperationStore],
})
export class OperationModule {}
