import type { Algorithm, AlgorithmContext } from './contract.js';
import { LeastConnections } from './least-connections.js';
import { RoundRobin } from './round-robin.js';

/** The algorithms by the name that a pool gives them in the snapshot. */
export type AlgorithmName = 'round_robin' | 'least_connections';

const MAKE: Record<AlgorithmName, (context: AlgorithmContext) => Algorithm> = {
  round_robin: (context) => new RoundRobin(context),
  least_connections: (context) => new LeastConnections(context),
};

export function createAlgorithm(name: AlgorithmName, context: AlgorithmContext): Algorithm {
  return MAKE[name](context);
}
