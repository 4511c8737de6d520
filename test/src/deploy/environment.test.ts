import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repository } from '@spillway/testing';
import { readCompose, readEnvFile } from './compose-file.js';
import { imageConfig, readDockerfile } from './dockerfile.js';
import { readUnit } from './unit-file.js';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');

/** Set by one process of an SE for another one of its own; nobody else's to set. */
const INTERNAL = new Set([
  'SPILLWAY_RUNTIME_DIR',
  'SPILLWAY_SUPERVISOR',
  'SPILLWAY_LOG',
  'SPILLWAY_QUEUED_BYTES',
]);
/** Of tests that end a controller at a chosen step. */
const FOR_TESTS = new Set(['SPILLWAY_TEST', 'SPILLWAY_CRASH_AT']);
/** Read by what the programs are made of. */
const FOREIGN = new Set(['NODE_ENV']);

const NAME = /\b(?:SPILLWAY_[A-Z_]+|DATABASE_URL|REDIS_URL)\b/g;
/** `env['NAME']` (process.env too), and a field of the schema that the environment is parsed with. */
const READ =
  /\benv(?:\['|\.)((?:SPILLWAY|DATABASE|REDIS)_[A-Z_]+)|^ {2}((?:SPILLWAY|DATABASE|REDIS)_[A-Z_]+):/gm;

/** The variables that the sources of a program read, tests left out. */
function readBy(folder: string): Set<string> {
  const files = globSync(`${folder}/src/**/*.ts`, { cwd: repository }).filter(
    (file) => !/\.(spec|program)\.ts$|\/testing\//.test(file),
  );
  const names = files.flatMap((file) =>
    [...read(file).matchAll(READ)].map(([, env, field]) => env ?? field ?? ''),
  );
  return new Set(names.filter((name) => !INTERNAL.has(name) && !FOR_TESTS.has(name)));
}

/** Variable to who reads it, from the table of docs/architecture.md. */
const table = new Map(
  [...read('docs/architecture.md').matchAll(/^\| `([A-Z_]+)`\s*\|\s*([^|]+?)\s*\|/gm)].map(
    ([, name, of]) => [name, of] as const,
  ),
);

describe('environment', () => {
  test.each([
    ['controller', /controller/],
    ['service-engine', /SE/],
  ])(
    '%s: every variable that it reads stands in docs/architecture.md as its own, and no other',
    (app, of) => {
      const documented = [...table].filter(([, who]) => of.test(who ?? '')).map(([name]) => name);
      expect(new Set(documented)).toEqual(readBy(`apps/${app}`));
    },
  );

  const compose = readCompose(readEnvFile(join(repository, 'deploy/env.example')));
  const stages = readDockerfile();
  const script = read('deploy/compose/sample.sh');
  const ofImage: Record<string, (name: string) => boolean> = {
    controller: (name) => readBy('apps/controller').has(name),
    'service-engine': (name) => readBy('apps/service-engine').has(name),
    tools: (name) => new RegExp(`\\$${name}\\b`).test(script),
  };

  test.each(Object.entries(compose.services))(
    'docker-compose.yml: %s is given what it reads',
    (_name, service) => {
      const image = /^spillway\/([a-z-]+):/.exec(service.image)?.[1];
      if (image === undefined) return;
      const stage = stages.find(({ name }) => name === image);
      const given = [
        ...Object.keys(service.environment ?? {}),
        ...Object.keys(stage ? imageConfig(stage).environment : {}),
      ];
      expect(given.filter((name) => !FOREIGN.has(name) && !ofImage[image]?.(name))).toEqual([]);
    },
  );

  test.each([
    ['spillway-controller.service', 'controller'],
    ['spillway-se@.service', 'service-engine'],
  ])('%s gives what the program reads', (unit, app) => {
    const given = readUnit(unit)
      .filter(({ key }) => key === 'Environment')
      .flatMap(({ value }) => value.split(/\s+/).map((pair) => pair.split('=')[0] ?? ''));
    expect(given.length).toBeGreaterThan(0);
    expect(given.filter((name) => !FOREIGN.has(name) && !readBy(`apps/${app}`).has(name))).toEqual([]);
  });

  test('deploy/README.md and the guide name only variables that something reads', () => {
    const known = new Set([
      ...['apps/controller', 'apps/service-engine', 'apps/cli', 'test'].flatMap((app) => [...readBy(app)]),
      ...[...read('deploy/env.example').matchAll(/([A-Z_]+)=/g)].map(([, name]) => name ?? ''),
      ...Object.values(compose.services).flatMap(({ environment }) => Object.keys(environment ?? {})),
    ]);
    const forDevelopers = /testing\.md$|one-machine\.md$/;
    const pages = globSync('docs/guide/*.md', { cwd: repository }).filter(
      (page) => !forDevelopers.test(page),
    );
    for (const file of ['deploy/README.md', ...pages]) {
      const unknown = [...read(file).matchAll(NAME)].map(([name]) => name).filter((name) => !known.has(name));
      expect({ file, unknown }).toEqual({ file, unknown: [] });
    }
  });
});
