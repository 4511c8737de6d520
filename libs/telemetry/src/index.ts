export * from './layout.js';
export * from './histogram.js';
export * from './mapping.js';
export * from './worker-block.js';
export * from './file.js';
