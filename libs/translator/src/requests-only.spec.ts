import { describe, expect, it } from '@jest/globals';
import { applyDefaults, type FilledPool } from '@spillway/model';
import { requestsOnly } from './requests-only.js';

const tcp = { type: 'tcp' as const, tcp: { idle_timeout: 0 } };
const pool = (spec: object): FilledPool => applyDefaults('pool', { name: 'p', ...spec });
const said = (spec: object): string[] => requestsOnly(tcp, pool(spec)).map((p) => `${p.severity} ${p.code}`);

describe('what is for requests alone', () => {
  it('is told of a pool that a virtual service for layer 4 uses', () => {
    expect(said({})).toEqual([]);
    expect(said({ request_queue_enabled: true })).toEqual(['warning REQUESTS_ONLY']);
    expect(said({ server_reselect: { enabled: true } })).toEqual(['warning REQUESTS_ONLY']);
    expect(said({ server_reselect: { enabled: false } })).toEqual([]);
    const hash = (key: string): string[] =>
      said({
        lb_algorithm: 'LB_ALGORITHM_CONSISTENT_HASH',
        lb_algorithm_hash: `LB_ALGORITHM_CONSISTENT_HASH_${key}`,
      });
    expect(['URI', 'CUSTOM_HEADER', 'CUSTOM_STRING'].map((key) => hash(key).length)).toEqual([1, 1, 1]);
    expect(hash('SOURCE_IP_ADDRESS')).toEqual([]);
    // Of no meaning with another algorithm.
    expect(said({ lb_algorithm_hash: 'LB_ALGORITHM_CONSISTENT_HASH_URI' })).toEqual([]);
  });

  it('is nothing for HTTP, nor without a pool', () => {
    const http = { type: 'http', http: {} } as never;
    expect(requestsOnly(http, pool({ request_queue_enabled: true }))).toEqual([]);
    expect(requestsOnly(tcp, undefined)).toEqual([]);
  });
});
