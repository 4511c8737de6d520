import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ApiExceptionFilter } from './exception.filter.js';
import { ClusterController } from './cluster.controller.js';
import { MacroController } from './macro.controller.js';
import { DocsController } from './docs/docs.controller.js';
import { ConfigEventHooks } from './config-events.js';
import { CloudHooks } from './kinds/cloud.js';
import { FailActionHooks } from './kinds/fail-action.js';
import { PoolHooks } from './kinds/pool.js';
import { SslKeyAndCertificateHooks } from './kinds/sslkeyandcertificate.js';
import { TenantHooks } from './kinds/tenant.js';
import { VirtualServiceHooks } from './kinds/virtualservice.js';
import { ObjectController } from './object.controller.js';
import { PoolServerController } from './pool-server.controller.js';
import { ObjectReader } from './object-reader.js';
import { ObjectWriter } from './object-writer.js';

@Module({
  // The general routes last.
  controllers: [DocsController, ClusterController, MacroController, PoolServerController, ObjectController],
  providers: [
    ObjectReader,
    ObjectWriter,
    SslKeyAndCertificateHooks,
    VirtualServiceHooks,
    FailActionHooks,
    PoolHooks,
    CloudHooks,
    TenantHooks,
    ConfigEventHooks,
    { provide: APP_FILTER, useClass: ApiExceptionFilter },
  ],
  exports: [ObjectReader, ObjectWriter],
})
export class RestModule {}
