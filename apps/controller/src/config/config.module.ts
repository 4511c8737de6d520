import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Endpoints } from './endpoints.js';
import { Lifecycle } from './lifecycle.js';
import { LOGGER, createLogger } from './logger.js';
import { SETTINGS, type Settings } from './settings.js';

/** Settings and the logger, injectable everywhere. */
@Global()
@Module({})
export class ConfigModule {
  static with(settings: Settings): DynamicModule {
    return {
      module: ConfigModule,
      providers: [
        Endpoints,
        Lifecycle,
        { provide: SETTINGS, useValue: settings },
        { provide: LOGGER, useValue: createLogger(settings.logLevel) },
      ],
      exports: [SETTINGS, LOGGER, Endpoints, Lifecycle],
    };
  }
}
