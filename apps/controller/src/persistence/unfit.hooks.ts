import { Injectable, type OnModuleInit } from '@nestjs/common';
import { refusePersistence, unfitPersistence, type RuleContext } from '@spillway/model';
import { fieldErrors } from '../rest/field-report.js';
import { POOL_USERS, poolsOf, virtualServicesOf } from '../rest/kinds/pool-use.js';
import { HookRegistry, type ObjectView, type StoredObject } from '../store/index.js';

/** Who brings pools, profiles and virtual services together, and the field that does so. */
const FIELDS: Readonly<Record<string, string>> = {
  applicationpersistenceprofile: 'persistence_type',
  applicationprofile: 'type',
  pool: 'application_persistence_profile_ref',
  poolgroup: 'members',
  l4policyset: 'l4_connection_policy',
  virtualservice: 'pool_ref',
};

/**
 * A pool cannot have persistence by what a virtual service that uses it has not (requests, TLS), whichever of them is
 * written last: nobody would be led back anywhere.
 */
@Injectable()
export class UnfitPersistenceHooks implements OnModuleInit {
  constructor(private readonly hooks: HookRegistry) {}

  onModuleInit(): void {
    for (const [kind, field] of Object.entries(FIELDS))
      this.hooks.register(kind, { afterWrite: async (tx, object) => refuse(tx, object, field) });
  }
}

function refuse(view: ObjectView, written: StoredObject, field: string): void {
  const lookup = ((_kind: string, uuid: string) => view.get(uuid)?.spec) as RuleContext['lookup'];
  const errors = usersOf(view, written).flatMap((vs) =>
    [...poolsOf(view, vs.spec)].flatMap((uuid) => {
      const found = unfitPersistence(vs.spec as never, view.get(uuid)?.spec as never, lookup);
      return found === undefined ? [] : [refusePersistence(field, found, written.spec[field])];
    }),
  );
  if (errors.length > 0) throw fieldErrors(errors);
}

/** Virtual services that what was written may concern. */
function usersOf(view: ObjectView, { kind, uuid }: StoredObject): StoredObject[] {
  const written = view.get(uuid);
  if (kind === 'virtualservice') return written === undefined ? [] : [written];
  if (kind === 'pool' || (POOL_USERS as readonly string[]).includes(kind))
    return virtualServicesOf(view, uuid);
  return view
    .referrers(uuid)
    .flatMap(({ object }) =>
      object.kind === 'virtualservice'
        ? [object]
        : object.kind === 'pool'
          ? virtualServicesOf(view, object.uuid)
          : [],
    );
}
