import { Injectable, type OnModuleInit } from '@nestjs/common';
import { errors } from '../../errors.js';
import { HookRegistry, ObjectCache, type StoredObject, type StoreTransaction } from '../../store/index.js';
import { systemOf } from '../object-writer.js';
import { serversIn, withDisabledAt, withRanges } from './pool-servers.js';
import { POOL_USERS, poolsOf, virtualServicesOf } from './pool-use.js';

/**
 * One pool serves one virtual service at a time (pools document), unless `allow_pool_sharing` is set. Ranges of servers
 * become servers, and disabled ones carry since when they are.
 */
@Injectable()
export class PoolHooks implements OnModuleInit {
  constructor(
    private readonly hooks: HookRegistry,
    private readonly cache: ObjectCache,
  ) {}

  onModuleInit(): void {
    this.hooks.register('pool', {
      beforeWrite: (_tx, { before, spec }) => {
        const servers = serversIn(spec);
        if (servers.length === 0) return spec;
        return { ...spec, servers: withDisabledAt(withRanges(servers), serversIn(before?.spec), Date.now()) };
      },
      decorate: async (pools) => new Map(pools.map((pool) => [pool.uuid, this.users(pool)])),
    });
    for (const kind of POOL_USERS)
      this.hooks.register(kind, {
        afterWrite: async (tx, object, before) => refuseSharing(tx, object, before),
      });
  }

  private users(pool: StoredObject): { virtualservices?: string[] } {
    const users = virtualServicesOf(this.cache, pool.uuid).map((vs) => vs.uuid);
    return users.length > 0 ? { virtualservices: users } : {};
  }
}

/** Only pools that this write adds are looked at: what is shared since the setting allowed it stays editable. */
function refuseSharing(tx: StoreTransaction, object: StoredObject, before: StoredObject | undefined): void {
  if (systemOf(tx)?.['allow_pool_sharing'] === true) return;
  const had = before ? poolsOf(tx, before.spec) : new Set<string>();
  for (const uuid of poolsOf(tx, object.spec)) {
    if (had.has(uuid)) continue;
    const users = virtualServicesOf(tx, uuid);
    const other = users.find((vs) => vs.uuid !== object.uuid);
    if (users.length < 2 || !other) continue;
    const name = tx.get(uuid)?.name ?? uuid;
    throw errors.badRequest(
      'POOL_IN_USE',
      `Pool ${name} already serves VirtualService ${other.name}, and a pool serves one virtual service at a time. Use another pool, or set allow_pool_sharing in the system configuration.`,
      { field: 'pool_ref', pool: name, virtualservice: other.name },
    );
  }
}
