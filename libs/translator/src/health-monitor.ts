import type { FilledHealthMonitor, FilledHealthMonitorHttp, HealthMonitorTcp } from '@spillway/model';
import type { HealthMonitor } from '@spillway/snapshot';
import { filledMessage } from './read.js';
import { error, failed, type Lookup, type Translated } from './types.js';

const CLASSES: Readonly<Record<string, readonly string[]>> = {
  HTTP_ANY: ['1xx', '2xx', '3xx', '4xx', '5xx'],
  HTTP_1XX: ['1xx'],
  HTTP_2XX: ['2xx'],
  HTTP_3XX: ['3xx'],
  HTTP_4XX: ['4xx'],
  HTTP_5XX: ['5xx'],
};

/** HTTP and TCP monitors; other types are named as not honoured and left out. */
export function translateHealthMonitor(uuid: string, lookup: Lookup): Translated {
  const object = lookup.get(uuid);
  if (object?.kind !== 'healthmonitor')
    return failed(error('MONITOR_MISSING', '', `health monitor ${uuid} does not exist`));
  const spec = object.spec as FilledHealthMonitor;
  const check = checkOf(spec);
  if (check === undefined)
    return failed(
      error(
        'MONITOR_NOT_HONOURED',
        'type',
        `health monitor ${object.name} is of type ${spec.type}, which service engines do not run yet; use HEALTH_MONITOR_HTTP or HEALTH_MONITOR_TCP`,
      ),
    );
  const body: HealthMonitor = {
    uuid,
    name: object.name,
    send_interval: spec.send_interval * 1000,
    receive_timeout: spec.receive_timeout * 1000,
    successful_checks: spec.successful_checks,
    failed_checks: spec.failed_checks,
    ...(spec.monitor_port ? { monitor_port: spec.monitor_port } : {}),
    check,
  };
  return { fragment: { type: 'health_monitor', key: uuid, body }, uses: [], problems: [] };
}

function checkOf(spec: FilledHealthMonitor): HealthMonitor['check'] | undefined {
  if (spec.type === 'HEALTH_MONITOR_HTTP') {
    const http = filledMessage<FilledHealthMonitorHttp>('HealthMonitorHttp', spec.http_monitor);
    return {
      type: 'http',
      request: http.http_request,
      exact_request: http.exact_http_request,
      response_codes: responseCodes(http.http_response_code),
      ...(http.http_response ? { response_text: http.http_response } : {}),
    };
  }
  if (spec.type === 'HEALTH_MONITOR_TCP') {
    const tcp: HealthMonitorTcp = spec.tcp_monitor ?? {};
    return {
      type: 'tcp',
      half_open: tcp.tcp_half_open ?? false,
      ...(tcp.tcp_request ? { send: tcp.tcp_request } : {}),
      ...(tcp.tcp_response ? { expect: tcp.tcp_response } : {}),
    };
  }
  return undefined;
}

/** Without codes a response of the classes 2xx and 3xx is good. */
function responseCodes(codes: readonly string[] | undefined): string[] {
  const found = new Set((codes ?? []).flatMap((code) => CLASSES[code] ?? []));
  return found.size === 0 ? ['2xx', '3xx'] : [...found].sort();
}
