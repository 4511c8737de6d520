export * from './monitor-state.js';
export * from './result.js';
export { probe, type Probe } from './probe.js';
export { hostPort, type Target } from './target.js';
export { memberKey, planChecks, type Member, type Plan, type ProbePlan } from './plan.js';
export * from './checker.js';
