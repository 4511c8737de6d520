import type { Sample } from '../instance/state.js';

/** An object to be there through the public API: its kind, and its body with its name. */
export interface SampleObject {
  kind: string;
  body: { name: string } & Record<string, unknown>;
}

/** A server of a pool, as far as the sample needs it. */
export interface PoolServer {
  ip: { addr: string; type: string };
  port: number;
}

/** Name of the sample's virtual service. */
export const sampleName = 'sample';

/** The objects of the sample application, each after those that it refers to. */
export function sampleObjects({ address, port, origins }: Sample): SampleObject[] {
  return [
    {
      kind: 'healthmonitor',
      body: {
        name: 'sample-monitor',
        type: 'HEALTH_MONITOR_HTTP',
        send_interval: 5,
        receive_timeout: 2,
        http_monitor: { http_request: 'GET /health HTTP/1.0', http_response_code: ['HTTP_2XX'] },
      },
    },
    {
      kind: 'pool',
      body: {
        name: 'sample-pool',
        description: 'The three servers of the sample application',
        lb_algorithm: 'LB_ALGORITHM_ROUND_ROBIN',
        health_monitor_refs: ['/api/healthmonitor?name=sample-monitor'],
        servers: origins.map((origin, index) => ({
          ip: { addr: '127.0.0.1', type: 'V4' },
          port: origin,
          hostname: `sample-server-${index + 1}`,
        })),
      },
    },
    {
      kind: 'vsvip',
      body: {
        name: 'sample-vip',
        vip: [{ vip_id: '0', ip_address: { addr: address, type: 'V4' } }],
      },
    },
    {
      kind: 'virtualservice',
      body: {
        name: sampleName,
        services: [{ port }],
        vsvip_ref: '/api/vsvip?name=sample-vip',
        pool_ref: '/api/pool?name=sample-pool',
      },
    },
  ];
}
