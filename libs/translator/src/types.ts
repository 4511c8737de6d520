import type { Fragment, FragmentType } from '@spillway/snapshot';

/** A configuration object as the store holds it: defaults filled in, references as uuids. */
export interface StoredObject {
  readonly kind: string;
  readonly uuid: string;
  readonly name: string;
  readonly generation: number;
  readonly spec: object;
}

/** Where the translator reads objects. The same uuid and generation always give the same spec. */
export interface Lookup {
  get(uuid: string): StoredObject | undefined;
}

/** What one SE shall do for one VIP of a virtual service: a `placement` row. */
export interface PlacementInput {
  readonly id: string;
  readonly vsUuid: string;
  readonly vipId: string;
  readonly seUuid: string;
  readonly primary: boolean;
  readonly desired: 'prepare' | 'active' | 'drain';
  readonly epoch: number;
  /** Milliseconds. */
  readonly drainTimeout: number;
}

/** Every code that a problem can have. */
export const PROBLEM_CODES = [
  'VS_MISSING',
  'VIP_MISSING',
  'VIP_ADDRESS_UNUSABLE',
  'SERVICE_MISSING',
  'SERVICE_NOT_HONOURED',
  'PROFILE_MISSING',
  'PROFILE_NOT_HONOURED',
  'PROFILE_PART_UNUSABLE',
  'VS_TYPE_NOT_HONOURED',
  'POOL_MISSING',
  'POOL_GROUP_MISSING',
  'POLICY_MISSING',
  'POLICY_NOT_HONOURED',
  'POLICY_INVALID',
  'ALGORITHM_NOT_HONOURED',
  'FAIL_ACTION_UNUSABLE',
  'SERVER_UNUSABLE',
  'SERVER_UNRESOLVED',
  'SERVER_TWICE',
  'SERVER_LIMIT',
  'PERSISTENCE_MISSING',
  'PERSISTENCE_NOT_HONOURED',
  'PERSISTENCE_INCOMPLETE',
  'RATE_ACTION_NOT_HONOURED',
  'GROUP_MISSING',
  'MONITOR_MISSING',
  'MONITOR_NOT_HONOURED',
  'MONITOR_TLS_UNUSABLE',
  'TASKS_NOT_TOLD',
  'REQUESTS_ONLY',
  'SE_MISSING',
  'SE_GROUP_MISSING',
  'CERTIFICATE_MISSING',
  'CERTIFICATE_UNUSABLE',
  'SSL_PROFILE_UNUSABLE',
  'PKI_PROFILE_UNUSABLE',
  'NOT_TRANSLATABLE',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/**
 * Why an object is not translated as written. An `error` leaves the object out (for a virtual service: it is not
 * served); a `warning` serves it without the part named by `path`.
 */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly code: ProblemCode;
  /** Dotted path in the object's spec, `[n]` for elements. */
  readonly path: string;
  readonly text: string;
}

/** What became of one object. `uses` names the fragments that this one needs beside it. */
export interface Translated {
  readonly fragment: Fragment | undefined;
  readonly uses: readonly { readonly type: FragmentType; readonly uuid: string }[];
  readonly problems: readonly Problem[];
}

export const error = (code: ProblemCode, path: string, text: string): Problem => ({
  severity: 'error',
  code,
  path,
  text,
});

export const warning = (code: ProblemCode, path: string, text: string): Problem => ({
  severity: 'warning',
  code,
  path,
  text,
});

export const failed = (...problems: Problem[]): Translated => ({ fragment: undefined, uses: [], problems });

/** Says of a reference that leads nowhere what is missing. */
export const missing = (what: string, ref: string | undefined): string =>
  ref === undefined ? `the virtual service has no ${what}` : `${what} ${ref} does not exist`;
