export * from './schema.js';
export * from './fragment.js';
