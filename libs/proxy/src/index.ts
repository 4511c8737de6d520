export * from './api.js';
export * from './transport/seam.js';
export { createDataPlane } from './dataplane.js';
export { warm, type WarmUp } from './warm.js';
