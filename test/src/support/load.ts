export { expectClean, Load, type LoadOptions, type Reports, summaries } from '@spillway/testing';
