export * from './health-monitor.js';
export * from './http.js';
export * from './l4.js';
export * from './placement.js';
export * from './pool.js';
export * from './settings.js';
export * from './snapshot.js';
export * from './virtual-service.js';
