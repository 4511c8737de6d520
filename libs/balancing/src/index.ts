export * from './contract.js';
export * from './algorithms.js';
export { hashBytes, hashText, mix } from './hash.js';
export { RoundRobin } from './round-robin.js';
export { LeastConnections, SCAN_LIMIT } from './least-connections.js';
