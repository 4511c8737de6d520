import type { Snapshot } from '@spillway/snapshot';
import { freePort, type Scope } from '@spillway/testing';
import { ScriptedOrigin, SETTINGS, type Front, type SettingsName } from '@spillway/testing/conformance';
import { Engine } from '../engine/engine.js';
import { buildSnapshot } from '../engine/snapshot.js';

/**
 * One SE process with a virtual service per setting, each in front of a scripted origin of its own.
 * @param http2 they also take HTTP/2 with prior knowledge
 */
export async function startFronts(
  scope: Scope,
  settings: readonly SettingsName[],
  http2 = false,
): Promise<Front[]> {
  const fronts: Front[] = [];
  for (const name of settings) {
    const origin = await ScriptedOrigin.start();
    scope.defer(`origin of ${name}`, () => origin.stop());
    fronts.push({ settings: name, port: await freePort(), origin });
  }
  const snapshot = buildSnapshot({
    services: fronts.map((front, i) => ({
      name: `vs-${i}`,
      vips: ['127.0.0.1'],
      ports: [front.port],
      servers: [{ address: '127.0.0.1', port: front.origin.port }],
      monitored: false,
    })),
  });
  fronts.forEach((front, i) => setHttp(snapshot, i, SETTINGS[front.settings]));
  if (http2)
    for (const vs of snapshot.virtual_services)
      for (const service of vs.services) service.enable_http2 = true;
  await Engine.start(scope, snapshot, { workers: 1 });
  return fronts;
}

function setHttp(snapshot: Snapshot, service: number, settings: object): void {
  const { application } = snapshot.virtual_services[service]!;
  if (application.type === 'http') Object.assign(application.http, settings);
}
