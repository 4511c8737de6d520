export { generateModel } from './model.js';
