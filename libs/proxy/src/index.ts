export * from './api.js';
export * from './transport/seam.js';
export { createDataPlane } from './dataplane.js';
