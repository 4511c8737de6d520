import type { Mark } from './marks.js';

/** What every kind has and the object store itself acts on, or what is a note for people and programs and acts by being kept. */
export const COMMON: readonly Mark[] = [
  {
    proof: 'libs/model/src/parse.spec.ts',
    paths: [
      'name',
      'uuid',
      'url',
      '_last_modified',
      'description',
      'created_by',
      'cloud_config_cksum',
      'service_metadata',
    ],
  },
  { proof: 'libs/model/src/references.spec.ts', paths: ['tenant_ref', 'cloud_ref'] },
];
