import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Arena } from './conversation.js';
import { TARGETS } from './parsers.js';
import { Random } from '@spillway/testing/conformance';

/**
 * Fuzzes parsers and engine for FUZZ_SECONDS (10). A round is what its seed says: FUZZ_SEED=n runs that round alone.
 * The work is done by a child process, which is ended when a round takes longer than any should.
 */
const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? '10');
const ONE = process.env['FUZZ_SEED'];
const ROUND_LIMIT_MS = 60_000;
const CONVERSATIONS = 60;
const PARSES = 400;
/** Memory of the process may grow by so much over all rounds behind the first ones. */
const MOST_GROWTH = 256 * 1024 * 1024;
const SETTLED = 20;

async function round(seed: number): Promise<void> {
  const random = new Random(seed);
  for (const [name, target] of Object.entries(TARGETS))
    for (let k = 0; k < PARSES; k++) named(`${name} ${k}`, () => target(random));
  const arena = await Arena.make();
  for (let k = 0; k < CONVERSATIONS; k++) named(`conversation ${k}`, () => arena.converse(random));
  arena.close();
}

function named(what: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`${what}: ${told}`, { cause: error });
  }
}

async function work(first: number): Promise<number> {
  const end = ONE === undefined ? performance.now() + SECONDS * 1000 : 0;
  let settled = 0;
  let rounds = 0;
  for (let seed = first; rounds === 0 || performance.now() < end; seed++) {
    process.stdout.write(`round ${seed}\n`);
    try {
      await round(seed);
    } catch (error) {
      process.stdout.write(`not ok FUZZ_SEED=${seed} ${(error as Error).message.replaceAll('\n', ' | ')}\n`);
      return 1;
    }
    rounds++;
    if (rounds === SETTLED) settled = process.memoryUsage().rss;
    if (settled > 0 && process.memoryUsage().rss - settled > MOST_GROWTH) {
      process.stdout.write(
        `not ok memory grew from ${settled} to ${process.memoryUsage().rss} bytes in ${rounds} rounds\n`,
      );
      return 1;
    }
  }
  const inputs = rounds * PARSES * Object.keys(TARGETS).length;
  process.stdout.write(`ok ${rounds} rounds, ${inputs} parses, ${rounds * CONVERSATIONS} conversations\n`);
  return 0;
}

/** Watches a child do the work; a round that does not end is a failure that names its seed. */
async function watch(first: number): Promise<number> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'child', `${first}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let at = first;
  let hung = false;
  const giveUp = (): void => {
    hung = true;
    child.kill('SIGKILL');
  };
  let timer = setTimeout(giveUp, ROUND_LIMIT_MS);
  let rest = '';
  child.stdout.on('data', (data: Buffer) => {
    const lines = (rest + data.toString()).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith('round ')) {
        process.stdout.write(`${line}\n`);
        continue;
      }
      at = Number(line.slice(6));
      clearTimeout(timer);
      timer = setTimeout(giveUp, ROUND_LIMIT_MS);
    }
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  if (hung) process.stdout.write(`not ok FUZZ_SEED=${at} does not end\n`);
  else if (code !== 0 && code !== 1)
    process.stdout.write(`not ok FUZZ_SEED=${at} crashed the process (${code})\n`);
  return code === 0 ? 0 : 1;
}

const first = ONE === undefined ? (Date.now() ^ (process.pid << 16)) & 0x3fffffff : Number(ONE);
process.exit(process.argv[2] === 'child' ? await work(Number(process.argv[3])) : await watch(first));
