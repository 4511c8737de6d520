import { refuseAs, type Rule } from './rule.js';

/** A check must be over before the next one starts. */
export const healthMonitorRules: Rule<'healthmonitor'> = ({ name, receive_timeout, send_interval }) =>
  receive_timeout < send_interval
    ? []
    : [
        refuseAs(
          'receive_timeout',
          `Receive timeout of Monitor ${name} cannot be more than Send interval (receive_timeout ${receive_timeout} s, send_interval ${send_interval} s). Set receive_timeout below send_interval`,
          receive_timeout,
        ),
      ];
