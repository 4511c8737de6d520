/** Compiled test files of the checkout, by Jest project. */
export interface TestFiles {
  unit: string[];
  e2e: string[];
}

/** What one run of the test command does. */
export interface Selection {
  checks: string[];
  files: TestFiles;
  /** Only tests whose full name matches; absent: every test of the files. */
  name?: string;
}

/**
 * What a filter selects: without one everything; else the checks and the files whose name contains it; where
 * no check and no file does, the tests of all files whose own name matches it as a regular expression.
 */
export function select(checks: string[], files: TestFiles, filters: string[]): Selection {
  if (filters.length === 0) return { checks, files };
  const wanted = (name: string): boolean => filters.some((filter) => name.includes(asCompiled(filter)));
  const chosen = {
    checks: checks.filter(wanted),
    files: { unit: files.unit.filter(wanted), e2e: files.e2e.filter(wanted) },
  };
  const found = chosen.checks.length + chosen.files.unit.length + chosen.files.e2e.length;
  return found > 0 ? chosen : { checks: [], files, name: filters.join(' ') };
}

/** Tests are written in `src/*.ts` and run from `dist/*.js`: a filter may name either. */
function asCompiled(filter: string): string {
  return filter
    .replace(/^\.\//, '')
    .replace(/(^|\/)src\//, '$1dist/')
    .replace(/\.ts$/, '.js');
}
