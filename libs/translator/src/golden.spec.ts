import { describe, expect, it } from '@jest/globals';
// The files of the golden pairs; what is tested does no I/O.
// oxlint-disable-next-line no-restricted-imports
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble, parseSnapshot } from '@spillway/snapshot';
import { parse } from 'yaml';
import { type PlacementInput, SnapshotSource } from './index.js';
import { objectsOf, type WrittenObject } from './testing/objects.js';

interface Golden {
  se: string;
  objects: WrittenObject[];
  placements: Partial<PlacementInput>[];
}

const DIR = join(import.meta.dirname, '..', 'golden');
const CLUSTER = 'cluster-00000000-0000-4000-8000-000000000001';

/**
 * `NAME.in.yaml`: objects as somebody writes them, and what is placed on one SE. `NAME.out.json`: the snapshot of that
 * SE, a file that `./spillway engine --snapshot` runs. `NAME.problems.json`: why something is not translated as written.
 */
describe('golden files', () => {
  const names = readdirSync(DIR)
    .filter((f) => f.endsWith('.in.yaml'))
    .map((f) => f.slice(0, -'.in.yaml'.length));

  it('are there', () => expect(names.length).toBeGreaterThan(4));

  it.each(names)('%s', (name) => {
    const golden = parse(readFileSync(join(DIR, `${name}.in.yaml`), 'utf8')) as Golden;
    const objects = objectsOf(golden.objects);
    const source = new SnapshotSource({ get: (uuid) => objects.get(uuid) }, CLUSTER);
    source.track(golden.se);
    for (const [i, p] of golden.placements.entries())
      source.setPlacement(`placement-${i}`, {
        id: `placement-${i}`,
        vsUuid: '',
        vipId: '0',
        seUuid: golden.se,
        primary: true,
        desired: 'active',
        epoch: 1,
        drainTimeout: 30_000,
        ...p,
      });
    const { fragments, unserved } = source.snapshotOf(golden.se);
    const snapshot = assemble(fragments.values(), 1, 7);
    // Whatever is written, the SE accepts what comes out.
    expect(parseSnapshot(structuredClone(snapshot))).toEqual(snapshot);
    const services = new Set(golden.placements.map((p) => p.vsUuid ?? ''));
    compare(`${name}.out.json`, snapshot);
    compare(`${name}.problems.json`, {
      unserved: unserved.map((u) => `${u.placement.vsUuid}#${u.placement.vipId}`),
      problems: Object.fromEntries([...services].map((uuid) => [uuid, source.problemsOf(uuid)])),
    });
  });
});

function compare(file: string, value: unknown): void {
  const path = join(DIR, file);
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  if (process.env['UPDATE_GOLDEN'] === '1' || (!existsSync(path) && process.env['CI'] === undefined))
    writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, 'utf8'));
}
