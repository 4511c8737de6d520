import { Global, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { HookRegistry } from './kind-hooks.js';
import { ObjectCache } from './object-cache.js';
import { ObjectStore } from './object-store.js';
import { SecretBox } from './secret-box.js';

/** Objects: all writes, and every object in memory. Injectable everywhere. */
@Global()
@Module({
  providers: [
    {
      provide: ObjectCache,
      inject: [DataSource, SETTINGS, LOGGER],
      useFactory: async (dataSource: DataSource, settings: Settings, logger: Logger) => {
        const cache = new ObjectCache(dataSource, settings, logger);
        await cache.open();
        return cache;
      },
    },
    ObjectStore,
    HookRegistry,
    SecretBox,
  ],
  exports: [ObjectCache, ObjectStore, HookRegistry, SecretBox],
})
export class StoreModule {}
