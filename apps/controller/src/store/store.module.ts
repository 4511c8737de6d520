import { Global, Module } from '@nestjs/common';
import { ObjectCache } from './object-cache.js';
import { ObjectStore } from './object-store.js';

/** Objects: all writes, and every object in memory. Injectable everywhere. */
@Global()
@Module({ providers: [ObjectCache, ObjectStore], exports: [ObjectCache, ObjectStore] })
export class StoreModule {}
