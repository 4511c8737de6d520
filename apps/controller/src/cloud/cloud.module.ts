import { Global, Module } from '@nestjs/common';
import { CloudService, CONNECTORS, ISSUE_TOKEN, type IssueToken } from './cloud.service.js';
import { CloudError, type CloudConnector } from './connector.js';

/** Connectors that create SEs. */
@Global()
@Module({
  providers: [
    CloudService,
    { provide: CONNECTORS, useValue: new Map<string, CloudConnector>() },
    {
      provide: ISSUE_TOKEN,
      useValue: (() =>
        Promise.reject(
          new CloudError('NO_WRITE_ACCESS', 'service engines cannot be created here yet'),
        )) satisfies IssueToken,
    },
  ],
  exports: [CloudService],
})
export class CloudModule {}
