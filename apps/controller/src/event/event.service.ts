import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { LOGGER, type Logger } from '../config/logger.js';
import { configActed, configChanged } from './config-event.js';
import { objTypeOf, type ConfigAction, type ConfigChange, type NewEvent } from './event.types.js';

const INSERT = `
INSERT INTO event (event_id, obj_type, obj_uuid, obj_name, tenant_uuid, user_name, description, details)
SELECT e.event_id, e.obj_type, e.obj_uuid, e.obj_name, e.tenant_uuid, e.user_name, e.description, e.details
FROM jsonb_to_recordset($1::jsonb) AS e(event_id text, obj_type text, obj_uuid text, obj_name text,
  tenant_uuid text, user_name text, description text, details jsonb)`;

/** Records events. With the manager of a transaction, an event is there exactly when what it tells of is. */
@Injectable()
export class EventService {
  private readonly logger: Logger;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'event' });
  }

  async record(events: NewEvent | readonly NewEvent[], manager?: EntityManager): Promise<void> {
    const rows = (Array.isArray(events) ? (events as readonly NewEvent[]) : [events as NewEvent]).map(
      (e) => ({
        event_id: e.eventId,
        obj_type: objTypeOf(e.kind),
        obj_uuid: e.objUuid,
        obj_name: e.objName,
        tenant_uuid: e.tenantUuid ?? '',
        user_name: e.userName ?? '',
        description: e.description,
        details: e.details ?? {},
      }),
    );
    if (rows.length === 0) return;
    await (manager ?? this.dataSource).query(INSERT, [JSON.stringify(rows)]);
  }

  /** For news that nobody waits for: a failure to record it is logged and harms nothing else. */
  note(events: NewEvent | readonly NewEvent[]): void {
    this.record(events).catch((err: unknown) =>
      this.logger.error({ err, events }, 'could not record an event'),
    );
  }

  /** Call inside the transaction of the write. */
  configChanged(change: ConfigChange, manager: EntityManager): Promise<void> {
    return this.record(configChanged(change), manager);
  }

  configActed(action: ConfigAction, manager?: EntityManager): Promise<void> {
    return this.record(configActed(action), manager);
  }
}
