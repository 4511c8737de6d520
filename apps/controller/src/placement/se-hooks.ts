import { Injectable } from '@nestjs/common';
import { errors } from '../errors.js';
import { HookRegistry, ObjectCache } from '../store/index.js';

/** An SE that carries something cannot be deleted: disable it first, so that it is evacuated, or delete it by force. */
@Injectable()
export class ServiceEngineHooks {
  constructor(hooks: HookRegistry, cache: ObjectCache) {
    hooks.register('serviceengine', {
      beforeRemove: async (tx, object) => {
        const rows: { vs_uuid: string }[] = await tx.manager.query(
          'SELECT DISTINCT vs_uuid FROM placement WHERE se_uuid = $1',
          [object.uuid],
        );
        const users = rows.map((r) => `VirtualService ${cache.get(r.vs_uuid)?.name ?? r.vs_uuid}`);
        if (users.length > 0) throw errors.inUse(users);
      },
      afterRemove: async (tx, object) => {
        await tx.manager.query('DELETE FROM se_runtime WHERE se_uuid = $1', [object.uuid]);
        await tx.manager.query('DELETE FROM server_verdict WHERE se_uuid = $1', [object.uuid]);
      },
    });
  }
}
