import { Global, Module } from '@nestjs/common';
import { PlacementWriter } from './placement-writer.js';
import { Reconciler } from './reconciler.js';
import { ScaleWriter } from './scale-writer.js';
import { ServiceEngineHooks } from './se-hooks.js';
import { WorldReader } from './world-reader.js';

/** Who serves what: reads the world into libs/placement, writes placements, keeps what is wanted true. */
@Global()
@Module({
  providers: [PlacementWriter, Reconciler, ScaleWriter, ServiceEngineHooks, WorldReader],
  exports: [PlacementWriter, Reconciler, ScaleWriter, WorldReader],
})
export class PlacementModule {}
