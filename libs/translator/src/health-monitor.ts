import type { FilledHealthMonitor } from '@spillway/model';
import type { HealthMonitor } from '@spillway/snapshot';
import { CHECKS } from './monitor-checks.js';
import { error, failed, type Lookup, type Translated } from './types.js';

/** A health monitor of a type that service engines run; other types are named as not honoured and left out. */
export function translateHealthMonitor(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'healthmonitor')
    return failed(error('MONITOR_MISSING', '', `health monitor ${uuid} does not exist`));
  const spec = object.spec as FilledHealthMonitor;
  const check = CHECKS[spec.type]?.(spec, lookup);
  if (check === undefined)
    return failed(
      error(
        'MONITOR_NOT_HONOURED',
        'type',
        `health monitor ${object.name} is of type ${spec.type}, which service engines do not run yet; use one of ${Object.keys(CHECKS).join(', ')}`,
      ),
    );
  if ('code' in check) return failed(check);
  const body: HealthMonitor = {
    uuid,
    name: object.name,
    send_interval: spec.send_interval * 1000,
    receive_timeout: spec.receive_timeout * 1000,
    successful_checks: spec.successful_checks,
    failed_checks: spec.failed_checks,
    ...(spec.monitor_port ? { monitor_port: spec.monitor_port } : {}),
    ...(spec.disable_quickstart ? { disable_quickstart: true } : {}),
    ...(spec.shared_probing ? { shared_probing: true } : {}),
    ...(spec.allow_duplicate_monitors ? { allow_duplicate_monitors: true } : {}),
    check,
  };
  const certificate = check.type === 'http' ? check.tls?.certificate_uuid : undefined;
  return {
    fragment: { type: 'health_monitor', key: uuid, body },
    uses: certificate === undefined ? [] : [{ type: 'certificate', uuid: certificate }],
    problems: [],
  };
}
