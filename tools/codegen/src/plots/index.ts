import type { Output } from '../output.js';
import { fewestServers } from './fewest-servers.js';
import { hashSpread, ringMovement } from './hash.js';
import { passiveShares } from './passive.js';
import { rampCurve, rampExample } from './ramp.js';

export const OWNED_BY_PLOTS = ['docs/guide/pools/plots'] as const;

/** Pictures for the guide to pools, made by the code that they show. */
export const generatePlots = (): Output =>
  new Map([
    [`${OWNED_BY_PLOTS[0]}/ramp-curve.svg`, rampCurve()],
    [`${OWNED_BY_PLOTS[0]}/ramp-example.svg`, rampExample()],
    [`${OWNED_BY_PLOTS[0]}/ring-movement.svg`, ringMovement()],
    [`${OWNED_BY_PLOTS[0]}/hash-spread.svg`, hashSpread()],
    [`${OWNED_BY_PLOTS[0]}/passive-shares.svg`, passiveShares()],
    [`${OWNED_BY_PLOTS[0]}/fewest-servers.svg`, fewestServers()],
  ]);
