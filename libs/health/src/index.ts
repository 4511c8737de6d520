export * from './monitor-state.js';
export * from './result.js';
export { hostPort, probe, type Probe, type Target } from './probe.js';
export { memberKey, planChecks, type Member, type Plan, type ProbePlan } from './plan.js';
export * from './checker.js';
