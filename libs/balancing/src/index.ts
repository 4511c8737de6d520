export * from './contract.js';
export * from './algorithms.js';
export { hashBytes, hashText, mix } from './hash.js';
export { RoundRobin } from './round-robin.js';
export { LeastConnections } from './least-connections.js';
export { SCAN_LIMIT } from './even-connections.js';
export { LEAST_CAPACITY, LEAST_SHARE, leastShare, PassiveMonitor, type PassiveTable } from './passive.js';
export { rampShare, type Ramp } from './ramp.js';
