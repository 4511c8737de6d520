import { Global, Module } from '@nestjs/common';
import { ObjectReader } from '../rest/object-reader.js';
import { InventoryService } from '../runtime/inventory.service.js';
import { PoolGroupController } from './pool-group.controller.js';
import { PrimaryPoolsService } from './primary-pools.service.js';

/** What pool groups remember at run time. */
@Global()
@Module({
  controllers: [PoolGroupController],
  providers: [InventoryService, ObjectReader, PrimaryPoolsService],
  exports: [PrimaryPoolsService],
})
export class PoolGroupModule {}
