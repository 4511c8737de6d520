import { Module, type DynamicModule } from '@nestjs/common';
import { BootstrapModule } from './bootstrap/bootstrap.module.js';
import { CloudModule } from './cloud/cloud.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Settings } from './config/settings.js';
import { DatabaseModule } from './database/database.module.js';
import { DeliveryModule } from './delivery/delivery.module.js';
import { EventModule } from './event/event.module.js';
import { IdentityModule } from './identity/identity.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { NamesModule } from './names/names.module.js';
import { OperationModule } from './operation/operation.module.js';
import { PersistenceModule } from './persistence/persistence.module.js';
import { PoolGroupModule } from './pool-group/pool-group.module.js';
import { PkiModule } from './pki/pki.module.js';
import { PlacementModule } from './placement/placement.module.js';
import { QueueModule } from './queue/queue.module.js';
import { RestModule } from './rest/rest.module.js';
import { RuntimeModule } from './runtime/runtime.module.js';
import { SeChannelModule } from './se-channel/se-channel.module.js';
import { SeedModule } from './seed/seed.module.js';
import { StatusModule } from './status/status.module.js';
import { StoreModule } from './store/store.module.js';
import { TicketsModule } from './tickets/tickets.module.js';
import { TransferModule } from './transfer/transfer.module.js';

/** The whole controller. Order matters only for reading: Nest starts modules by what they inject. */
@Module({})
export class AppModule {
  static with(settings: Settings): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(settings),
        DatabaseModule,
        StoreModule,
        PkiModule,
        SeedModule,
        IdentityModule,
        EventModule,
        MetricsModule,
        QueueModule,
        SeChannelModule,
        BootstrapModule,
        TicketsModule,
        PersistenceModule,
        PoolGroupModule,
        NamesModule,
        DeliveryModule,
        PlacementModule,
        OperationModule,
        CloudModule,
        RuntimeModule,
        StatusModule,
        TransferModule,
        // Last: its routes take any kind.
        RestModule,
      ],
    };
  }
}
