import { join } from 'node:path';
import { generateModel, OWNED_BY_MODEL } from './model.js';
import { check, type Output, write } from './output.js';
import { generatePlots, OWNED_BY_PLOTS } from './plots/index.js';
import { generateProtocol, ownedByProtocol } from './protocol.js';

const ROOT = join(import.meta.dirname, '../../..');
const USAGE = 'usage: node tools/codegen/dist/main.js model|protocol|plots [--check]';

interface Generated {
  output: Output;
  /** Directories in which nothing else may be. */
  owned: readonly string[];
}

const TARGETS: Readonly<Record<string, () => Generated>> = {
  model: () => ({ output: generateModel(ROOT), owned: OWNED_BY_MODEL }),
  plots: () => ({ output: generatePlots(), owned: OWNED_BY_PLOTS }),
  protocol: () => {
    const output = generateProtocol(ROOT);
    return { output, owned: ownedByProtocol(output) };
  },
};

function main(args: readonly string[]): number {
  const [target = '', option, ...rest] = args;
  const generate = Object.hasOwn(TARGETS, target) ? TARGETS[target] : undefined;
  if (generate === undefined || rest.length > 0 || (option !== undefined && option !== '--check')) {
    console.error(USAGE);
    return 2;
  }
  const { output, owned } = generate();
  if (option === '--check') {
    const stale = check(ROOT, output, owned);
    if (stale.length === 0) return 0;
    console.error(`not up to date (run node tools/codegen/dist/main.js ${target}):\n${stale.join('\n')}`);
    return 1;
  }
  for (const path of write(ROOT, output, owned)) console.log(path);
  return 0;
}

process.exitCode = main(process.argv.slice(2));
