import { fieldAt } from '@spillway/model';

export type Access = 'read' | 'write';

/** The published names of what a role may allow. */
const KNOWN: ReadonlySet<string> = new Set(fieldAt('Permission', 'resource')?.facts.enum ?? []);

/** Kinds without a permission of their own name. */
const BY_KIND: Readonly<Record<string, string>> = {
  vsvip: 'PERMISSION_VIRTUALSERVICE',
  operation: 'PERMISSION_VIRTUALSERVICE',
  serverautoscalepolicy: 'PERMISSION_AUTOSCALE',
  autoscalelaunchconfig: 'PERMISSION_AUTOSCALE',
  seproperties: 'PERMISSION_SYSTEMCONFIGURATION',
  controllerproperties: 'PERMISSION_CONTROLLER',
  cluster: 'PERMISSION_CONTROLLER',
  backupconfiguration: 'PERMISSION_CONTROLLER',
  scheduler: 'PERMISSION_CONTROLLER',
  alertscriptconfig: 'PERMISSION_ALERTCONFIG',
  webhook: 'PERMISSION_AUTOSCALE',
};

/** The permission that guards a kind, or a path of the API that is called like one. */
export function permissionOf(kind: string): string {
  const own = `PERMISSION_${kind.toUpperCase()}`;
  return KNOWN.has(own) ? own : (BY_KIND[kind] ?? 'PERMISSION_CONTROLLER');
}

/** Every permission that guards something here. */
export function permissionNames(): readonly string[] {
  return [...KNOWN];
}
