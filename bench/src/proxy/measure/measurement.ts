import type { Cores } from '../host/cores.js';
import type { Tool } from '../host/packages.js';
import type { Row } from '../../report/row.js';
import type { Setting } from '../peers/start.js';
import type { Length } from './compare.js';
import type { Drive } from './drive.js';

/** What every measurement gets. */
export interface Bench extends Length {
  where: Drive;
  cores: Cores;
  /** With the peers' default tuning, on the proxy's core. */
  setting: Setting;
  /** What is allowed is widened so many times. */
  slack: number;
  /** Tools that are not here, with the reason. */
  missing: ReadonlyMap<Tool, string>;
}

/** What came out. */
export interface Outcome {
  rows: Row[];
  /** Lines of the table of figures; see `FIGURES_HEAD`. */
  figures: string[][];
  /** What must be known before the figures are believed. */
  notes: string[];
  /** Everything, for the JSON. */
  raw: unknown;
}

export interface Measurement {
  about: string;
  run(bench: Bench): Promise<Outcome>;
}

/** A row that could not be measured, by name, with the reason; it is neither kept nor missed. */
export const skipped = (about: string, reason: string): Outcome => ({
  rows: [{ promise: about, budget: '-', measured: `skipped: ${reason}`, figures: {} }],
  figures: [],
  notes: [],
  raw: { skipped: reason },
});
