import { join } from 'node:path';
import { generateModel, OWNED_BY_MODEL } from './model.js';
import { check, write } from './output.js';

const ROOT = join(import.meta.dirname, '../../..');
const USAGE = 'usage: node tools/codegen/dist/main.js model [--check]';

function main(args: readonly string[]): number {
  const [target, option, ...rest] = args;
  if (target !== 'model' || rest.length > 0 || (option !== undefined && option !== '--check')) {
    console.error(USAGE);
    return 2;
  }
  const output = generateModel(ROOT);
  if (option === '--check') {
    const stale = check(ROOT, output, OWNED_BY_MODEL);
    if (stale.length === 0) return 0;
    console.error(`not up to date (run node tools/codegen/dist/main.js model):\n${stale.join('\n')}`);
    return 1;
  }
  for (const path of write(ROOT, output, OWNED_BY_MODEL)) console.log(path);
  return 0;
}

process.exitCode = main(process.argv.slice(2));
