import { Global, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { DeliveryMetrics } from './delivery.metrics.js';
import { SetBackGuard } from './set-back.js';
import { DeliveryService } from './delivery.service.js';

/** Configuration on its way to SEs. */
@Global()
@Module({
  providers: [
    {
      provide: DeliveryMetrics,
      inject: [Registry],
      useFactory: (registry: Registry) => new DeliveryMetrics(registry),
    },
    SetBackGuard,
    DeliveryService,
  ],
  exports: [DeliveryService],
})
export class DeliveryModule {}
