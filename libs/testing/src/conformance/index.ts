export * from './case.js';
export * from './cases.js';
export * from './origin.js';
export * from './runner.js';
export { freePorts } from '../process/ports.js';
export * from './smuggling/matrix.js';
export { Random } from '../random.js';
