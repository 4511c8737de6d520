export * from './rate-key.js';
export * from './rate-limit.js';
export * from './rate-table.js';
export * from './shared-count.js';
