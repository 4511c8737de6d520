import type { Scope } from '@spillway/testing';
import { measureEdits } from './edits.js';
import { measureLoss } from './loss.js';
import { measureOutage } from './outage.js';
import type { Row } from '../report/row.js';
import { measureScale } from './scale.js';
import { measureSize } from './size.js';
import { measureStart } from './start.js';
import { measureWorkers } from './workers.js';

export interface Measurement {
  about: string;
  /** Seconds after which it is given up. */
  limit: number;
  measure: (scope: Scope) => Promise<Row[]>;
}

export const MEASUREMENTS = {
  edits: { about: 'config to live, 1,000 edits under load', limit: 90, measure: measureEdits },
  scale: { about: 'scale out, scale in, migrate', limit: 60, measure: measureScale },
  loss: { about: 'an SE killed or hung', limit: 90, measure: measureLoss },
  workers: { about: 'a worker killed or hung', limit: 90, measure: measureWorkers },
  outage: { about: 'the controller killed', limit: 45, measure: measureOutage },
  start: { about: 'first and second start', limit: 60, measure: measureStart },
  size: {
    about: '1,000 virtual services, 10,000 servers, 8 SEs',
    limit: 150,
    measure: measureSize,
  },
} as const satisfies Record<string, Measurement>;

export type MeasurementName = keyof typeof MEASUREMENTS;

export const isMeasurement = (name: string): name is MeasurementName => Object.hasOwn(MEASUREMENTS, name);
