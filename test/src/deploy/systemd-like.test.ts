import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually, Netns, repository, run, Scope, spawnClients } from '@spillway/testing';
import { Container } from './container.js';
import { buildOutput, emptyRoot } from './images.js';
import { BridgeNetwork } from './network.js';
import { postgresImage } from './stand-ins.js';
import { readUnit, units } from './unit-file.js';

jest.setTimeout(180_000);

const possible = Netns.available && process.getuid?.() === 0;
const UID = 10_002;
const VIP = '192.0.2.80';

const readme = readFileSync(join(repository, 'deploy/README.md'), 'utf8');

/** The environment file that deploy/README.md shows, by a variable that is in it. */
function environmentOf(variable: string): Record<string, string> {
  const block = [...readme.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].find(([, text]) =>
    new RegExp(`^${variable}=`, 'm').test(text ?? ''),
  )?.[1];
  if (block === undefined) throw new Error(`deploy/README.md shows no file with ${variable}`);
  return Object.fromEntries(
    block.split('\n').flatMap((line) => {
      const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}

/** What systemd makes of a unit. */
function service(name: string, instance = '') {
  const lines = readUnit(name).map(({ key, value }) => ({ key, value: value.replaceAll('%i', instance) }));
  const all = (key: string): string[] => lines.filter((line) => line.key === key).map(({ value }) => value);
  const words = (key: string): string[] => all(key).flatMap((value) => value.split(/\s+/));
  return {
    command: words('ExecStart'),
    environment: Object.fromEntries(words('Environment').map((pair) => pair.split('=') as [string, string])),
    stateDirectory: words('StateDirectory')[0] ?? '',
    capabilities: words('AmbientCapabilities').map((each) => each.replace('CAP_', '').toLowerCase()),
    stopMs: 1000 * Number(words('TimeoutStopSec')[0] ?? '90'),
  };
}

async function addressesOfLoopback({ name }: Netns): Promise<string> {
  return (await run('ip', ['-n', name, '-o', 'addr', 'show', 'dev', 'lo'])).stdout;
}

(possible ? describe : describe.skip)(
  'the systemd units, their processes started in namespaces (skipped without root)',
  () => {
    const scope = new Scope('units');
    let network: BridgeNetwork;
    let root: string;
    let volumes: string;
    let shm: string;
    let controller: Container;
    let host: Container;
    const engines = new Map<string, Container>();
    const at: Record<string, Netns> = {};

    /** `systemctl start`, on the host of a container or on one of its own. */
    const start = async (
      unit: ReturnType<typeof service>,
      name: string,
      where: { netns: Netns; joins?: Container },
      environment: Record<string, string>,
    ): Promise<Container> => {
      const state = join(volumes, unit.stateDirectory.replaceAll('/', '-'));
      mkdirSync(state, { mode: 0o750, recursive: true });
      chownSync(state, UID, UID);
      mkdirSync(join(root, 'var/lib', unit.stateDirectory), { recursive: true });
      return Container.start(scope, {
        name,
        root,
        command: unit.command,
        environment: { ...environment, ...unit.environment },
        user: `${UID}:${UID}`,
        ...where,
        shm,
        volumes: { [`/var/lib/${unit.stateDirectory}`]: state },
        hosts: network.hosts,
        logFile: join(volumes, `${name}.log`),
        capabilities: unit.capabilities,
      });
    };

    beforeAll(async () => {
      const out = await buildOutput(scope);
      root = await emptyRoot(scope, 'opt');
      mkdirSync(join(root, 'opt/spillway'));
      for (const part of ['controller', 'service-engine', 'cli', 'launcher', 'bun'])
        await run('cp', ['-a', '--link', join(out, part), join(root, 'opt/spillway', part)]);
      await run('cp', ['-L', process.execPath, join(root, 'opt/spillway/node')]);
      volumes = await scope.tempDir('units');
      shm = join(await scope.tempDir('shm'), 'shm');
      mkdirSync(shm);
      chownSync(shm, UID, UID);

      network = await BridgeNetwork.create(scope, '198.51.100.0/24');
      // The sysctl file of the README.
      const sysctls = [
        ...readFileSync(join(units, '60-spillway.conf'), 'utf8').matchAll(/^(\S+)\s*=\s*(\S+)$/gm),
      ].map(([, key, value]) => [key, value] as [string, string]);
      at['db'] = await network.join('db', '198.51.100.2');
      at['controller'] = await network.join('controller.example.net', '198.51.100.3');
      at['host'] = await network.join('host', '198.51.100.4', Object.fromEntries(sysctls));
      at['clients'] = await network.join('clients', '198.51.100.5');
      await network.publish();
      await run('ip', ['-n', at['clients'].name, 'route', 'add', VIP, 'via', '198.51.100.4']);

      const image = await postgresImage(scope);
      const data = join(volumes, 'postgres');
      mkdirSync(data);
      chownSync(data, 10_001, 10_001);
      const db = await Container.start(scope, {
        name: 'db',
        root: image.root,
        command: image.command,
        environment: { POSTGRES_USER: 'spillway', POSTGRES_PASSWORD: 'secret', POSTGRES_DB: 'spillway' },
        user: image.user,
        netns: at['db'],
        shm,
        volumes: { ...image.mounts, '/var/lib/postgresql': data },
        hosts: network.hosts,
        logFile: join(volumes, 'db.log'),
      });
      await eventually(() => image.healthy?.(db), { within: 30_000, what: 'PostgreSQL' });
    });
    afterAll(async () => await scope.close());

    /** The command line, on the controller's host, by its administrator. */
    const spillway = async (script: string): Promise<string> => {
      const program = '/opt/spillway/node /opt/spillway/cli/dist/main.js';
      const dir = '/var/lib/spillway/controller';
      const login = `spillway login --api https://controller.example.net:9443 --ca ${dir}/ca.pem --password-stdin`;
      const { stdout } = await controller.exec([
        'sh',
        '-ec',
        `spillway() { ${program} "$@"; }; export SPILLWAY_CONTEXT=/tmp/c
        ${login} <${dir}/initial-password >/dev/null; ${script}`,
      ]);
      return stdout;
    };

    test('the controller starts from its unit, with the environment of the README', async () => {
      const environment = environmentOf('DATABASE_URL');
      environment['DATABASE_URL'] = (environment['DATABASE_URL'] ?? '').replace('...', 'secret');
      delete environment['REDIS_URL'];
      const netns = at['controller'] as Netns;
      controller = await start(service('spillway-controller.service'), 'controller', { netns }, environment);
      const ready = join(volumes, 'spillway-controller/controller.json');
      await eventually(
        () => existsSync(ready) || (!controller.running && Promise.reject(new Error('ended'))),
        {
          within: 60_000,
          what: 'the controller to be ready',
        },
      ).catch((error: Error) => {
        throw new Error(`${error.message}\n${controller.output()}`, { cause: error });
      });
      expect(await spillway('spillway get cloud -o name')).toContain('Default-Cloud');
    });

    test('two instances of the SE unit enrol with tokens, as an account that is not root', async () => {
      const netns = at['host'] as Netns;
      host = await Container.start(scope, {
        name: 'host',
        root,
        command: ['sleep', 'infinity'],
        environment: {},
        user: `${UID}:${UID}`,
        netns,
        shm,
        volumes: {},
        hosts: network.hosts,
        logFile: join(volumes, 'host.log'),
        init: true,
      });
      for (const name of ['se-1', 'se-2']) {
        const token = (await spillway(`spillway enrolment-token --name ${name} 2>/dev/null`)).trim();
        const environment = {
          ...environmentOf('SPILLWAY_CONTROLLER'),
          SPILLWAY_ENROLMENT_TOKEN: token,
          SPILLWAY_WORKERS: '1',
        };
        const unit = service('spillway-se@.service', name);
        engines.set(name, await start(unit, name, { netns, joins: host }, environment));
      }
      await eventually(async () => (await spillway('spillway get se')).match(/se-\d\s+UP\s/g)?.length === 2, {
        within: 30_000,
        every: 200,
        what: 'both SEs to be up',
      });
    });

    test('they add the VIP to the host, listen below 1024, and systemctl stop of one loses nothing', async () => {
      await Container.start(scope, {
        name: 'origin',
        root,
        command: [
          '/opt/spillway/node',
          '/opt/spillway/launcher/dist/sample/origins.program.js',
          '--host',
          '0.0.0.0',
          '/tmp/origins.json',
          '9001',
        ],
        environment: {},
        user: `${UID}:${UID}`,
        netns: at['clients'] as Netns,
        shm,
        volumes: {},
        hosts: network.hosts,
        logFile: join(volumes, 'origin.log'),
        init: true,
      });
      const objects = [
        {
          kind: 'pool',
          name: 'app-pool',
          servers: [{ ip: { addr: '198.51.100.5', type: 'V4' }, port: 9001 }],
        },
        { kind: 'vsvip', name: 'app-vip', vip: [{ vip_id: '0', ip_address: { addr: VIP, type: 'V4' } }] },
        {
          kind: 'virtualservice',
          name: 'app',
          services: [{ port: 80 }],
          vsvip_ref: 'app-vip',
          pool_ref: 'app-pool',
        },
      ];
      writeFileSync(join(volumes, 'spillway-controller/app.json'), JSON.stringify(objects));
      await spillway('spillway apply -f /var/lib/spillway/controller/app.json');
      const clients = await spawnClients(
        scope,
        { name: 'units', sort: 'keep-alive', host: VIP, port: 80, connections: 8, rate: 200 },
        { netns: at['clients'] as Netns },
      );
      await eventually(async () => (await spillway('spillway get vs')).match(/app\s.*\sUP\s/), {
        within: 20_000,
        every: 200,
        what: 'the virtual service to be up',
      });
      await spillway('spillway scaleout app --wait --quiet');
      await clients.start();
      await clients.until('100 answers', ({ ok }) => ok >= 100, 20_000);

      const stopped = await engines.get('se-1')?.stop(service('spillway-se@.service').stopMs);
      expect(stopped).toMatchObject({ exit: { code: 0 }, killed: false });
      const { ok } = await clients.progress();
      await clients.until('200 more', (now) => now.ok >= ok + 200, 20_000);
      expect(await clients.stop()).toMatchObject({ failed: 0 });
    });

    test('the last one that goes takes the VIP from the host', async () => {
      expect(await addressesOfLoopback(at['host'] as Netns)).toContain(VIP);
      expect(await engines.get('se-2')?.stop(60_000)).toMatchObject({ exit: { code: 0 }, killed: false });
      expect(await addressesOfLoopback(at['host'] as Netns)).not.toContain(VIP);
      expect(await controller.stop(90_000)).toMatchObject({ exit: { code: 0 }, killed: false });
    });
  },
);
