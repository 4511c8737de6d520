import { describe, expect, it } from '@jest/globals';
import { applyDefaults, fieldAt, inBounds, kinds, stripDefaults, type KindName, type Pool } from './index.js';

type Fact = [path: string, byDefault: unknown, low?: number, high?: number, special?: number[]];

/** The numbers that users and clients rely on, with the decisions where sources disagree. */
const CARD: { readonly [K in KindName]?: readonly Fact[] } = {
  serviceenginegroup: [
    ['min_scaleout_per_vs', 1, 1, 64],
    ['max_scaleout_per_vs', 4, 1, 64],
    ['max_vs_per_se', 10, 1, 1000],
    ['max_se', 10, 0, 1000],
    ['min_se', 1, 0, 1000],
    ['buffer_se', 1],
    ['ha_mode', 'HA_MODE_SHARED'],
    ['algo', 'PLACEMENT_ALGO_PACKED'],
    ['auto_rebalance', false],
    ['auto_rebalance_interval', 300],
    ['max_cpu_usage', 80, 40, 90],
    ['min_cpu_usage', 30, 20, 60],
    ['vs_scalein_timeout', 30],
    ['vs_scalein_timeout_for_upgrade', 30],
    ['vs_scaleout_timeout', 600],
    ['vs_se_scaleout_ready_timeout', 60, 0, 90],
    ['vs_se_scaleout_additional_wait_time', 0, 0, 300],
    ['vs_se_scalein_additional_wait_time', 0, 0, 300],
    ['vs_switchover_timeout', 300],
    ['se_deprovision_delay', 120, 0, 525_600],
    // Ours: 100 ms x 6 instead of x 10.
    ['dp_hb_frequency', 100],
    ['dp_hb_timeout_count', 6],
    ['se_flow_probe_retries', 2, 0, 5],
    ['se_flow_probe_retry_timer', 40, 20, 50],
    ['se_tunnel_mode', 0, 0, 2],
    ['hm_on_standby', true],
    ['vs_host_redundancy', true],
    ['vip_distribution', 'host'],
  ],
  controllerproperties: [
    ['vs_awaiting_se_timeout', 60],
    ['se_create_timeout', 900],
    ['dead_se_detection_timer', 360],
    ['unresponsive_se_reboot', 300],
    ['se_failover_attempt_interval', 300],
    ['vs_scaleout_ready_check_interval', 60],
    ['warmstart_se_reconnect_wait_time', 480],
    ['se_spawn_retry_interval', 300],
    ['api_idle_timeout', 15],
    ['vs_key_rotate_period', 360],
  ],
  pool: [
    ['default_server_port', 80, 1, 65_535],
    ['graceful_disable_timeout', 1, 1, 7200, [0, -1]],
    ['connection_ramp_duration', 10, 1, 300, [0]],
    ['connection_ramp_duration_secs', undefined, 1, 18_000, [0]],
    ['request_queue_depth', 128],
    ['max_concurrent_connections_per_server', 0],
    ['lb_algorithm', 'LB_ALGORITHM_LEAST_CONNECTIONS'],
    ['lb_algorithm_core_nonaffinity', 2, 1, 65_535],
    ['fewest_tasks_feedback_delay', 10, 1, 300],
    ['inline_health_monitor', true],
    ['enabled', true],
    ['servers[].ratio', 1, 1, 20],
    ['servers[].disable_immediately', false],
    ['conn_pool_properties.upstream_connpool_conn_idle_tmo', 60_000, 0, 86_400_000],
    ['conn_pool_properties.upstream_connpool_conn_life_tmo', 600_000, 0, 86_400_000],
    ['conn_pool_properties.upstream_connpool_conn_max_reuse', 0],
    ['conn_pool_properties.upstream_connpool_server_max_cache', 0],
  ],
  healthmonitor: [
    ['send_interval', 10, 1, 3600],
    ['receive_timeout', 4, 1, 2400],
    ['successful_checks', 2, 1, 50],
    ['failed_checks', 2, 1, 50],
  ],
  serverautoscalepolicy: [
    ['min_size', undefined, 0, 400],
    ['max_size', undefined, 0, 400],
    ['scaleout_cooldown', 300],
    ['scalein_cooldown', 300],
    ['max_scaleout_adjustment_step', 1],
    ['intelligent_scalein_margin', 40, 1, 99],
    ['intelligent_scaleout_margin', 20, 1, 99],
  ],
  alertconfig: [
    ['threshold', 1],
    ['rolling_window', 300],
    ['expiry_time', 86_400],
    ['throttle', 600],
  ],
  systemconfiguration: [['allow_pool_sharing', false]],
};

describe('the quick card', () => {
  const facts = Object.entries(CARD).flatMap(([kind, list]) =>
    list.map(([path, byDefault, low, high, special = []]) => ({
      kind: kind as KindName,
      path,
      byDefault,
      range: low === undefined ? undefined : [low, high],
      special,
    })),
  );

  it.each(facts)('$kind $path is $byDefault', ({ kind, path, byDefault, range, special }) => {
    const field = fieldAt(kinds[kind].type, path);
    expect(field?.facts.default).toBe(byDefault);
    if (!range) return;
    expect([field?.bounds?.min, field?.bounds?.max]).toEqual(range);
    for (const value of special) expect(field?.bounds && inBounds(field.bounds, value)).toBe(true);
  });

  it('holds a pool to 5000 servers', () => {
    expect(fieldAt('Pool', 'servers')?.maxItems).toBe(5000);
  });
});

describe('what the server fills in', () => {
  it('calls a server by its address', () => {
    const pool = { name: 'p', servers: [{ ip: { addr: '10.0.0.1', type: 'V4' as const } }] };
    const filled = applyDefaults('pool', pool);
    expect(filled.servers?.[0]?.hostname).toBe('10.0.0.1');
    expect(stripDefaults('pool', filled)).toEqual(pool);
    const named: Pool = { name: 'p', servers: [{ ip: { addr: '10.0.0.1', type: 'V4' }, hostname: 'one' }] };
    expect(stripDefaults('pool', applyDefaults('pool', named))).toEqual(named);
  });

  it('ends the range of a service at its port', () => {
    const filled = applyDefaults('virtualservice', {
      name: 'v',
      services: [{ port: 80 }, { port: 8000, port_range_end: 8010 }],
    });
    expect(filled.services?.map((s) => s.port_range_end)).toEqual([80, 8010]);
  });

  it('takes 2xx and 3xx for healthy, where HTTP is checked', () => {
    const monitor = { name: 'm', type: 'HEALTH_MONITOR_HTTP' as const };
    expect(applyDefaults('healthmonitor', { ...monitor, http_monitor: {} }).http_monitor).toMatchObject({
      http_request: 'GET / HTTP/1.0',
      http_response_code: ['HTTP_2XX', 'HTTP_3XX'],
    });
    expect(applyDefaults('healthmonitor', monitor)).not.toHaveProperty('http_monitor');
  });

  it('logs a user in by the name', () => {
    expect(applyDefaults('user', { name: 'u' }).username).toBe('u');
  });
});
