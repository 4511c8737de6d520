import path from 'node:path';
import { Global, Module } from '@nestjs/common';
import { Endpoints } from '../config/endpoints.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { EnrolmentService } from '../se-channel/enrolment.service.js';
import { CloudService, CONNECTORS, ISSUE_TOKEN, type IssueToken } from './cloud.service.js';
import type { CloudConnector } from './connector.js';
import { KeepAlive } from './keep-alive.js';
import { ProcessConnector } from './process-connector.js';

const REPOSITORY = path.resolve(import.meta.dirname, '../../../..');
/** An SE that was asked to stop drains first: `vs_scalein_timeout` is 30 s unless changed. */
const STOP_TIMEOUT_MS = 5_000;
const TOKEN_TTL_MS = 600_000;

/** Connectors that create SEs. */
@Global()
@Module({
  providers: [
    CloudService,
    KeepAlive,
    {
      provide: CONNECTORS,
      inject: [SETTINGS, Endpoints],
      useFactory: (settings: Settings, endpoints: Endpoints): ReadonlyMap<string, CloudConnector> => {
        const connector = new ProcessConnector({
          directory: settings.seDir,
          command: path.join(REPOSITORY, 'node_modules/bun/bin/bun.exe'),
          args: [path.join(REPOSITORY, 'apps/service-engine/dist/main.js'), 'run'],
          environment: () => ({ SPILLWAY_CONTROLLER: endpoints.all().api ?? '' }),
          stopTimeoutMs: STOP_TIMEOUT_MS,
        });
        return new Map([[connector.name, connector]]);
      },
    },
    {
      provide: ISSUE_TOKEN,
      inject: [EnrolmentService],
      useFactory:
        (enrolment: EnrolmentService): IssueToken =>
        async ({ groupUuid, cloudUuid, name }) =>
          (await enrolment.createToken({ seGroupUuid: groupUuid, cloudUuid, name, ttl: TOKEN_TTL_MS })).token,
    },
  ],
  exports: [CloudService],
})
export class CloudModule {}
