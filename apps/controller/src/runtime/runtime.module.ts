import { Global, Module } from '@nestjs/common';
import { ObjectReader } from '../rest/object-reader.js';
import { OperationList } from '../operation/operation-list.js';
import { InventoryController } from './inventory.controller.js';
import { InventoryService } from './inventory.service.js';
import { MonitorReader } from './monitor-reader.js';
import { MonitorController } from './monitor.controller.js';
import { RefusalWatcher } from './refusal-watcher.js';
import { RequestQueueController } from './request-queue.controller.js';
import { RuntimeController } from './runtime.controller.js';
import { RuntimeHooks } from './vip-runtime.hooks.js';
import { RuntimeReader } from './runtime-reader.js';
import { StateWatcher } from './state-watcher.js';

/** What runs: runtime views, inventories, the state of virtual services, pools, servers and SEs. */
@Global()
@Module({
  controllers: [InventoryController, RuntimeController, MonitorController, RequestQueueController],
  providers: [
    InventoryService,
    ObjectReader,
    OperationList,
    MonitorReader,
    RuntimeHooks,
    RuntimeReader,
    RefusalWatcher,
    StateWatcher,
  ],
  exports: [RuntimeReader],
})
export class RuntimeModule {}
