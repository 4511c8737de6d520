import type { Json } from '../walk.js';

/** What the server fills in by itself for a kind, beyond the defaults of the tables. All pure; none changes its argument. */
export interface Hooks {
  /** Before validation: identities that a client may leave out. They are stored. */
  readonly identify?: (value: Json) => Json;
  /** After the defaults: what follows from other fields. */
  readonly fill?: (value: Json) => Json;
  /** Takes out again what {@link Hooks.fill} would put in. */
  readonly unfill?: (value: Json) => Json;
}
