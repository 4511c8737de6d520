import { Injectable } from '@nestjs/common';
import { HookRegistry } from '../store/index.js';
import { EventService } from './event.service.js';

/** Records every change of an object by the API, of any kind, in the transaction that makes it. */
@Injectable()
export class ConfigRecorder {
  constructor(hooks: HookRegistry, events: EventService) {
    hooks.register('*', {
      afterWrite: (tx, object, before, context) =>
        events.configChanged(
          {
            action: before === undefined ? 'create' : 'update',
            kind: object.kind,
            uuid: object.uuid,
            name: object.name,
            tenantUuid: object.tenantUuid,
            userName: context.userName,
            after: object.spec,
            ...(before === undefined ? {} : { before: before.spec }),
          },
          tx.manager,
        ),
      afterRemove: (tx, object, context) =>
        events.configChanged(
          {
            action: 'delete',
            kind: object.kind,
            uuid: object.uuid,
            name: object.name,
            tenantUuid: object.tenantUuid,
            userName: context.userName,
            before: object.spec,
          },
          tx.manager,
        ),
    });
  }
}
