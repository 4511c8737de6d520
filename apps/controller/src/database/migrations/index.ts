import { Initial1795305088318 } from './1795305088318-initial.js';
import { MonitorCounts1795326000000 } from './1795326000000-monitor-counts.js';
import { QueueBase1795330400000 } from './1795330400000-queue-base.js';
import { SeSession1795307500000 } from './1795307500000-se-session.js';

/** All migrations, oldest first. `migration:generate --check` tells when the entities have moved on. */
export const migrations = [
  Initial1795305088318,
  SeSession1795307500000,
  MonitorCounts1795326000000,
  QueueBase1795330400000,
];
