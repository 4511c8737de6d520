import { Module } from '@nestjs/common';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { ObjectCache, ObjectStore } from '../store/index.js';
import { SeedService } from './seed.service.js';

/** The system objects are there before any part starts its work: hooks of modules run after every factory. */
@Module({
  providers: [
    {
      provide: SeedService,
      inject: [ObjectCache, ObjectStore, SETTINGS, LOGGER],
      useFactory: async (cache: ObjectCache, store: ObjectStore, settings: Settings, logger: Logger) => {
        const service = new SeedService(cache, store, settings, logger);
        await service.seed();
        return service;
      },
    },
  ],
  exports: [SeedService],
})
export class SeedModule {}
