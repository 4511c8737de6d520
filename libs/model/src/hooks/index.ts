import type { KindName } from '../generated/types.js';
import { healthMonitorHooks } from './healthmonitor.js';
import type { Hooks } from './hooks.js';
import { poolHooks } from './pool.js';
import { userHooks } from './user.js';
import { virtualServiceHooks } from './virtualservice.js';
import { vsVipHooks } from './vsvip.js';

const HOOKS: Partial<Record<KindName, Hooks>> = {
  healthmonitor: healthMonitorHooks,
  pool: poolHooks,
  user: userHooks,
  virtualservice: virtualServiceHooks,
  vsvip: vsVipHooks,
};

const NONE: Hooks = {};

export function hooksOf(kind: KindName): Hooks {
  return HOOKS[kind] ?? NONE;
}
