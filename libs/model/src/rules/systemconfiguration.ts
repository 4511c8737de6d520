import { refuse, type Rule } from './rule.js';

/** A mistake here would lock everybody out. */
export const systemConfigurationRules: Rule<'systemconfiguration'> = ({ portal_configuration: portal }) =>
  portal && !portal.enable_https && !portal.enable_http
    ? [
        refuse(
          'portal_configuration.enable_https',
          'neither HTTPS nor HTTP would be served',
          'Leave one of them on',
          false,
        ),
      ]
    : [];
