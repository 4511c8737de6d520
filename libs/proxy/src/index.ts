export * from './api.js';
export * from './transport/seam.js';
