export { Random } from '../random.js';
export { MoodyOrigin } from './origin.js';
export { Traffic, type Tally } from './traffic.js';
