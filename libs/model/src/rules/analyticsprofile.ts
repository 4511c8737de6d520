import type { FieldError } from '../errors.js';
import { refuse, type Rule } from './rule.js';

export const analyticsProfileRules: Rule<'analyticsprofile'> = (profile) => {
  const { hs_max_anomaly_penalty: anomaly, hs_max_resources_penalty: resources } = profile;
  return [
    // The penalties are taken from a score of 100.
    ...(anomaly + resources <= 100
      ? []
      : [
          refuse(
            'hs_max_resources_penalty',
            `${resources} and hs_max_anomaly_penalty ${anomaly} are more than 100 together`,
            `Set it to ${100 - anomaly} or less`,
            resources,
          ),
        ]),
    ...codesOf('exclude_http_error_codes', profile.exclude_http_error_codes, 599),
    ...codesOf('exclude_sip_error_codes', profile.exclude_sip_error_codes, 699),
  ];
};

/** Only errors can be excluded from being errors. */
const codesOf = (field: string, codes: readonly number[] | undefined, last: number): FieldError[] =>
  (codes ?? []).flatMap((code, i) =>
    code >= 400 && code <= last
      ? []
      : [refuse(`${field}[${i}]`, `${code} is not a code of an error`, `Give one from 400 to ${last}`, code)],
  );
