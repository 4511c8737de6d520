import type { Seed } from './system-objects.js';

const level = (name: string): Seed => ({
  kind: 'actiongroupconfig',
  name: `System-Alert-Level-${name}`,
  spec: { level: `ALERT_${name.toUpperCase()}`, external_only: false },
});

const alert = (subject: string, severity: string, events: readonly string[]): Seed => ({
  kind: 'alertconfig',
  name: `System-${subject}-Alert`,
  spec: {
    category: 'REALTIME',
    source: 'EVENT_LOGS',
    summary: `System-${subject}-Alert System Alert`,
    action_group_ref: `actiongroupconfig/System-Alert-Level-${severity}`,
    alert_rule: { operator: 'OPERATOR_OR', sys_event_rule: events.map((event_id) => ({ event_id })) },
  },
});

/** Alerts on what always matters, and their levels. */
export const ALERTS: readonly Seed[] = [
  level('High'),
  level('Medium'),
  level('Low'),
  alert('VS', 'High', ['VS_DOWN', 'VS_UP']),
  alert('SE', 'High', ['SE_DOWN', 'SE_UP']),
  alert('SSL', 'Medium', ['SSL_CERT_EXPIRE']),
  alert('CC', 'Medium', ['CC_IP_DETACHED', 'CC_IP_ATTACHED']),
  alert('Controller', 'High', ['CONTROLLER_NODE_LEFT', 'CONTROLLER_NODE_JOINED']),
];
