export * from './contract.js';
export { HostDistribution, type HostOptions } from './host.js';
export { sysctlAdvice, type Advice } from './advice.js';
export { probeModes } from './modes.js';
