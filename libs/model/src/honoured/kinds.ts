import type { KindName } from '../generated/types.js';
import type { Mark } from './marks.js';

/** What acts today, per kind. Add a path together with the test that proves it. */
export const HONOURED: Partial<Record<KindName, readonly Mark[]>> = {};
