import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventService } from '../event/index.js';
import { HookRegistry } from '../store/index.js';

/** Every change of configuration is an event with its difference, there exactly when the change is. */
@Injectable()
export class ConfigEventHooks implements OnModuleInit {
  constructor(
    private readonly hooks: HookRegistry,
    private readonly events: EventService,
  ) {}

  onModuleInit(): void {
    this.hooks.register('*', {
      afterWrite: (tx, object, before, { userName }) =>
        this.events.configChanged(
          {
            action: before ? 'update' : 'create',
            kind: object.kind,
            uuid: object.uuid,
            name: object.name,
            tenantUuid: object.tenantUuid,
            userName,
            after: object.spec,
            ...(before ? { before: before.spec } : {}),
          },
          tx.manager,
        ),
      afterRemove: (tx, object, { userName }) =>
        this.events.configChanged(
          {
            action: 'delete',
            kind: object.kind,
            uuid: object.uuid,
            name: object.name,
            tenantUuid: object.tenantUuid,
            userName,
            before: object.spec,
          },
          tx.manager,
        ),
    });
  }
}
