import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  HookRegistry,
  type StoredObject,
  type StoreTransaction,
  type WriteContext,
} from '../../store/index.js';
import { make, unmake } from './make.js';

/** What every cloud has from the start. */
const OWN = [
  ['vrfcontext', 'global', { system_default: true }],
  ['vrfcontext', 'management', { system_default: true }],
  ['serviceenginegroup', 'Default-Group', {}],
] as const;

/** A new cloud gets its VRF contexts and its default SE group, and takes them along when it goes. */
@Injectable()
export class CloudHooks implements OnModuleInit {
  constructor(private readonly hooks: HookRegistry) {}

  onModuleInit(): void {
    this.hooks.register('cloud', {
      afterWrite: async (tx, cloud, before, context) =>
        before ? undefined : this.furnish(tx, cloud, context),
      beforeRemove: (tx, cloud, context) => this.clear(tx, cloud, context),
    });
  }

  private async furnish(tx: StoreTransaction, cloud: StoredObject, context: WriteContext): Promise<void> {
    for (const [kind, name, fields] of OWN) {
      const spec = { name, tenant_ref: cloud.tenantUuid, cloud_ref: cloud.uuid, ...fields };
      await make(tx, this.hooks, kind, spec, context);
    }
  }

  private async clear(tx: StoreTransaction, cloud: StoredObject, context: WriteContext): Promise<void> {
    for (const [kind, name] of OWN) {
      const own = tx.byName(kind, name).find((object) => object.scopeUuid === cloud.uuid);
      if (own && tx.referrers(own.uuid).length === 0) await unmake(tx, this.hooks, own, context);
    }
  }
}
