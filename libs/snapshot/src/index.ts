export * from './schema/index.js';
export * from './error.js';
export * from './fragment.js';
export * from './local-body.js';
export * from './references.js';
