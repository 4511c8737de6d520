// Tests run from what tsc built, without a transform: what is tested is what ships.
const suite = (displayName, roots, extra = {}) => ({
  displayName,
  rootDir: import.meta.dirname,
  roots: roots.map((r) => `<rootDir>/${r}`),
  testEnvironment: 'node',
  transform: {},
  watchPathIgnorePatterns: ['node_modules'],
  modulePathIgnorePatterns: ['<rootDir>/.spillway'],
  ...extra,
});

/** @type {import('jest').Config} */
export default {
  projects: [
    suite('unit', ['apps', 'libs', 'tools', 'bench'], {
      testMatch: ['**/dist/**/*.spec.js'],
      // One PostgreSQL for all spec files, started by the first that needs it.
      globalSetup: '<rootDir>/apps/controller/dist/testing/run-setup.js',
      globalTeardown: '<rootDir>/apps/controller/dist/testing/run-teardown.js',
    }),
    suite('e2e', ['test'], { testMatch: ['**/dist/**/*.test.js'] }),
  ],
};
