import { spawn } from 'node:child_process';
import { unlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createMapping, openMapping, SERVER } from './index.js';

/**
 * Shows on Bun that the file is shared: processes count in it at the same time and nothing is lost. Without
 * arguments it is the parent; with a path and a number it is worker number so and so.
 */
const ROUNDS = 1_000_000;
const WORKERS = 3;
const [path, index] = process.argv.slice(2);

if (path !== undefined) {
  const mapping = openMapping(path);
  const block = mapping.worker(Number(index));
  block.claim(process.pid);
  const cell = block.activeCell(5);
  mapping.u32[block.serverMark(5)] = 1;
  for (let i = 0; i < ROUNDS; i++) {
    mapping.active[cell]!++;
    mapping.f64[block.server(5) + SERVER.REQUESTS]!++;
    block.beat();
    mapping.publishHealth();
  }
} else {
  const file = `/dev/shm/spillway-test-${process.pid}`;
  const mapping = createMapping(file, { workers: WORKERS, virtualServices: 4, servers: 16 });
  try {
    await Promise.all(
      Array.from({ length: WORKERS }, (_, w) => {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const child = spawn(process.execPath, [fileURLToPath(import.meta.url), file, String(w)], {
          stdio: 'inherit',
        });
        child.once('error', reject);
        child.once('exit', (code) =>
          code === 0 ? resolve() : reject(new Error(`worker ${w} ended with ${code}`)),
        );
        return promise;
      }),
    );
    const seen = [
      mapping.activeOf(5),
      mapping.serverTotals(5).counters[SERVER.REQUESTS],
      mapping.healthEpoch,
      mapping.worker(1).beats,
    ];
    process.stdout.write(`${JSON.stringify(seen)}\n`);
  } finally {
    unlinkSync(file);
  }
}
