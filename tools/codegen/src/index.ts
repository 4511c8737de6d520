export { generateModel, OWNED_BY_MODEL } from './model.js';
export { check, write, type Output } from './output.js';
