import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  answersRequests,
  backupRef,
  isLayerFour,
  refuseAnswers,
  refuseRing,
  type RuleContext,
} from '@spillway/model';
import { HookRegistry, type ObjectView, type StoredObject } from '../../store/index.js';
import { fieldErrors } from '../field-report.js';
import { poolsAndGroupsOf, virtualServicesOf } from './pool-use.js';

/** Who brings fail actions and layer 4 virtual services together, and the field that does so. */
const FIELDS: Readonly<Record<string, string>> = {
  pool: 'fail_action',
  poolgroup: 'fail_action',
  l4policyset: 'l4_connection_policy',
  virtualservice: 'pool_ref',
};

/**
 * A pool, or a group, whose fail action answers requests is of no use to a layer 4 virtual service, whichever of them
 * is written last.
 */
@Injectable()
export class FailActionHooks implements OnModuleInit {
  constructor(private readonly hooks: HookRegistry) {}

  onModuleInit(): void {
    for (const [kind, field] of Object.entries(FIELDS))
      this.hooks.register(kind, { afterWrite: async (tx, object) => refuse(tx, object, field) });
    this.hooks.register('pool', { afterWrite: async (tx, object) => refuseRings(tx, object) });
  }
}

type FailAction = Parameters<typeof backupRef>[0];

const actionOf = ({ spec }: StoredObject): FailAction => (spec as { fail_action?: FailAction }).fail_action;

function refuseRings(view: ObjectView, written: StoredObject): void {
  const seen = new Set<string>();
  for (let pool: StoredObject | undefined = written; pool !== undefined;) {
    const ref: string | undefined = backupRef(actionOf(pool));
    if (ref === written.uuid) throw fieldErrors([refuseRing(written.name, backupRef(actionOf(written)))]);
    if (ref === undefined || seen.has(ref)) return;
    seen.add(ref);
    pool = view.get(ref);
  }
}

function refuse(view: ObjectView, written: StoredObject, field: string): void {
  const lookup = ((_kind: string, uuid: string) => view.get(uuid)?.spec) as RuleContext['lookup'];
  const users = written.kind === 'virtualservice' ? [written] : virtualServicesOf(view, written.uuid);
  const errors = users
    .filter((vs) => isLayerFour(vs.spec as never, lookup))
    .flatMap((vs) =>
      poolsAndGroupsOf(view, vs.spec).flatMap((used) => {
        const action = actionOf(used);
        return answersRequests(action)
          ? [refuseAnswers(field, action?.type ?? '', used.name, vs.name, written.spec[field])]
          : [];
      }),
    );
  if (errors.length > 0) throw fieldErrors(errors.slice(0, 1));
}
