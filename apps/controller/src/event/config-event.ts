import { isKind, redact } from '@spillway/model';
import { diff } from './diff.js';
import { nameOf, type ConfigAction, type ConfigChange, type NewEvent } from './event.types.js';

const IDS = { create: 'CONFIG_CREATE', update: 'CONFIG_UPDATE', delete: 'CONFIG_DELETE' } as const;
const VERBS = { create: 'created', update: 'changed', delete: 'deleted' } as const;

const clean = (kind: string, spec: Readonly<Record<string, unknown>> | undefined) =>
  spec === undefined ? undefined : isKind(kind) ? redact(kind, spec) : spec;

/** The event of a change of configuration: old and new as the published details carry them, and the difference. */
export function configChanged(change: ConfigChange): NewEvent {
  const before = clean(change.kind, change.before);
  const after = clean(change.kind, change.after);
  const common = {
    resource_type: change.kind,
    resource_name: change.name,
    user: change.userName,
    status: 'Success',
    ...(change.path === undefined ? {} : { path: change.path }),
  };
  const details = {
    create: { config_create_details: { ...common, resource_data: JSON.stringify(after) } },
    update: {
      config_update_details: {
        ...common,
        old_resource_data: JSON.stringify(before),
        new_resource_data: JSON.stringify(after),
      },
    },
    delete: { config_delete_details: { ...common, resource_data: JSON.stringify(before) } },
  }[change.action];
  return {
    eventId: IDS[change.action],
    kind: change.kind,
    objUuid: change.uuid,
    objName: change.name,
    tenantUuid: change.tenantUuid,
    userName: change.userName,
    description: `${nameOf(change.kind, change.name)} was ${VERBS[change.action]} by ${change.userName || 'the system'}`,
    details: { ...details, ...(change.action === 'update' ? { diff: diff(before, after) } : {}) },
  };
}

/** The event of an action that a user asked for. */
export function configActed(action: ConfigAction): NewEvent {
  const refused = action.error === undefined ? '' : `: ${action.error}`;
  return {
    eventId: 'CONFIG_ACTION',
    kind: action.kind,
    objUuid: action.uuid,
    objName: action.name,
    tenantUuid: action.tenantUuid,
    userName: action.userName,
    description: `${action.action} of ${nameOf(action.kind, action.name)} by ${action.userName || 'the system'}${refused}`,
    details: {
      config_action_details: {
        action_name: action.action,
        resource_type: action.kind,
        resource_name: action.name,
        parameter_data: JSON.stringify(action.parameters),
        user: action.userName,
        status: action.status,
        ...(action.error === undefined ? {} : { error_message: action.error }),
      },
    },
  };
}
