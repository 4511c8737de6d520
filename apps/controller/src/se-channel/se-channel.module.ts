import { Global, Module } from '@nestjs/common';
import { LOGGER, type Logger } from '../config/logger.js';
import { SeEvents } from './se-events.js';

/** The channel to SEs. `SeEvents` is injectable everywhere: what SEs say, as news inside this replica. */
@Global()
@Module({
  providers: [
    {
      provide: SeEvents,
      inject: [LOGGER],
      useFactory: (logger: Logger) =>
        new SeEvents((name, err) => logger.error({ err, event: name }, 'a listener of SE events failed')),
    },
  ],
  exports: [SeEvents],
})
export class SeChannelModule {}
