import { ConsistentHash } from './consistent-hash.js';
import type { Algorithm, AlgorithmContext } from './contract.js';
import { CoreAffinity } from './core-affinity.js';
import { FastestResponse } from './latency/fastest-response.js';
import { FewestServers } from './latency/fewest-servers.js';
import { LeastLoad } from './latency/least-load.js';
import { FewestTasks } from './fewest-tasks.js';
import { LeastConnections } from './least-connections.js';
import { PowerOfTwo } from './power-of-two.js';
import { Random } from './random.js';
import { RoundRobin } from './round-robin.js';

const MAKE = {
  round_robin: (context) => new RoundRobin(context),
  least_connections: (context) => new LeastConnections(context),
  consistent_hash: (context) => new ConsistentHash(context),
  random: (context) => new Random(context),
  power_of_two: (context) => new PowerOfTwo(context),
  core_affinity: (context) => new CoreAffinity(context),
  least_load: (context) => new LeastLoad(context),
  fastest_response: (context) => new FastestResponse(context),
  fewest_servers: (context) => new FewestServers(context),
  fewest_tasks: (context) => new FewestTasks(context),
} satisfies Record<string, (context: AlgorithmContext) => Algorithm>;

/** The algorithms by the name that a pool gives them in the snapshot. */
export type AlgorithmName = keyof typeof MAKE;

export const ALGORITHM_NAMES = Object.keys(MAKE) as AlgorithmName[];

export function createAlgorithm(name: AlgorithmName, context: AlgorithmContext): Algorithm {
  return MAKE[name](context);
}
