import type { FilledPool } from '@spillway/model';
import type { ConsistentHash, Pool } from '@spillway/snapshot';
import { clamp } from './read.js';
import { type Problem, warning } from './types.js';

export interface TranslatedAlgorithm {
  readonly name: Pool['algorithm'];
  /** What goes with it. */
  readonly settings: Pick<
    Pool,
    'consistent_hash' | 'core_nonaffinity' | 'tasks_feedback_delay' | 'turns_per_se'
  >;
  readonly problems: readonly Problem[];
}

const ALGORITHMS: Readonly<Record<string, Pool['algorithm']>> = {
  LB_ALGORITHM_ROUND_ROBIN: 'round_robin',
  LB_ALGORITHM_LEAST_CONNECTIONS: 'least_connections',
  LB_ALGORITHM_CONSISTENT_HASH: 'consistent_hash',
  LB_ALGORITHM_RANDOM: 'random',
  LB_ALGORITHM_CORE_AFFINITY: 'core_affinity',
  LB_ALGORITHM_POWER_OF_TWO: 'power_of_two',
  LB_ALGORITHM_LEAST_LOAD: 'least_load',
  LB_ALGORITHM_FASTEST_RESPONSE: 'fastest_response',
  LB_ALGORITHM_FEWEST_SERVERS: 'fewest_servers',
  LB_ALGORITHM_FEWEST_TASKS: 'fewest_tasks',
};

const KEYS: Readonly<Record<string, ConsistentHash['key']>> = {
  LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS: 'client_ip',
  LB_ALGORITHM_CONSISTENT_HASH_SOURCE_IP_ADDRESS_AND_PORT: 'client_ip_and_port',
  LB_ALGORITHM_CONSISTENT_HASH_URI: 'uri',
  LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_HEADER: 'header',
  LB_ALGORITHM_CONSISTENT_HASH_CUSTOM_STRING: 'custom_string',
  LB_ALGORITHM_CONSISTENT_HASH_CALLID: 'call_id',
};

/** How the pool chooses servers, and by what. What is not honoured is least connections, or the client's address. */
export function algorithmOf(pool: FilledPool): TranslatedAlgorithm {
  const name = ALGORITHMS[pool.lb_algorithm];
  if (name === undefined) {
    const text = `${pool.lb_algorithm} is not honoured yet; least connections is used`;
    return {
      name: 'least_connections',
      settings: {},
      problems: [warning('ALGORITHM_NOT_HONOURED', 'lb_algorithm', text)],
    };
  }
  if (name === 'consistent_hash') return consistentHash(pool);
  if (name === 'fewest_tasks') {
    const seconds = clamp(pool.fewest_tasks_feedback_delay, 1, 300);
    return { name, settings: { tasks_feedback_delay: seconds * 1000 }, problems: [] };
  }
  if (name === 'round_robin' && pool.lb_algo_rr_per_se)
    return { name, settings: { turns_per_se: true }, problems: [] };
  if (name !== 'core_affinity') return { name, settings: {}, problems: [] };
  const nonaffinity = clamp(pool.lb_algorithm_core_nonaffinity, 1, 65_535);
  return { name, settings: { core_nonaffinity: nonaffinity }, problems: [] };
}

function consistentHash(pool: FilledPool): TranslatedAlgorithm {
  const key = KEYS[pool.lb_algorithm_hash];
  const header = pool.lb_algorithm_consistent_hash_hdr;
  const settings: TranslatedAlgorithm['settings'] = {
    consistent_hash: {
      key: key ?? 'client_ip',
      ignore_server_port: pool.ignore_server_port,
      ...(key === 'header' && header ? { header_name: header } : {}),
    },
  };
  const text = `${pool.lb_algorithm_hash} is not honoured yet; the client's address is used`;
  return {
    name: 'consistent_hash',
    settings,
    problems: key === undefined ? [warning('ALGORITHM_NOT_HONOURED', 'lb_algorithm_hash', text)] : [],
  };
}
