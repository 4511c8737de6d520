export * from './schema/index.js';
export * from './fragment.js';
