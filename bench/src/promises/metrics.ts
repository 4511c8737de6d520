import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from '@spillway/testing';

/** What the controller's `/metrics` says now, by name with labels as they are printed. */
export async function controllerMetrics(instance: Instance): Promise<Map<string, number>> {
  const { metrics } = JSON.parse(
    await readFile(join(instance.dir, 'controller', 'controller.json'), 'utf8'),
  ) as { metrics: string };
  const reply = await fetch(/^https?:/.test(metrics) ? metrics : `http://${metrics}/metrics`);
  if (!reply.ok) throw new Error(`${metrics}: ${reply.status}`);
  const values = new Map<string, number>();
  for (const line of (await reply.text()).split('\n')) {
    const at = line.lastIndexOf(' ');
    if (at > 0 && !line.startsWith('#')) values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return values;
}

/** Changes that came to be live on all SEs that they concern so far, and how long all of them took together. */
export interface Lived {
  count: number;
  milliseconds: number;
}

export async function lived(instance: Instance): Promise<Lived> {
  const metrics = await controllerMetrics(instance);
  return {
    count: metrics.get('spillway_config_live_seconds_count') ?? 0,
    milliseconds: 1_000 * (metrics.get('spillway_config_live_seconds_sum') ?? 0),
  };
}
