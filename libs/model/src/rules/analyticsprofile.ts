import { refuse, type Rule } from './rule.js';

/** The penalties are taken from a score of 100. */
export const analyticsProfileRules: Rule<'analyticsprofile'> = (profile) => {
  const { hs_max_anomaly_penalty: anomaly, hs_max_resources_penalty: resources } = profile;
  return anomaly + resources <= 100
    ? []
    : [
        refuse(
          'hs_max_resources_penalty',
          `${resources} and hs_max_anomaly_penalty ${anomaly} are more than 100 together`,
          `Set it to ${100 - anomaly} or less`,
          resources,
        ),
      ];
};
