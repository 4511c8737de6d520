import { Global, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ControllerMetrics } from './controller-metrics.js';
import { MetricsServer } from './metrics-server.js';

/** Prometheus. Inject `Registry` to add metrics of your own; the listener serves all of them. */
@Global()
@Module({
  providers: [{ provide: Registry, useFactory: () => new Registry() }, ControllerMetrics, MetricsServer],
  exports: [Registry, ControllerMetrics],
})
export class MetricsModule {}
