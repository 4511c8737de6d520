import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually, Netns, repository, Scope, spawnClients, type SpawnedClients } from '@spillway/testing';
import { readCompose, readEnvFile } from './compose-file.js';
import { Composition } from './composition.js';

jest.setTimeout(180_000);

/** Waits until each group has had so many more answers. */
const goOn = async (load: SpawnedClients[], more: number): Promise<void> => {
  for (const clients of load) {
    const { ok } = await clients.progress();
    await clients.until(`${more} more answers`, (now) => now.ok >= ok + more, 20_000);
  }
};
const ended = (load: SpawnedClients[]) => Promise.all(load.map((clients) => clients.stop()));

/** No container engine is needed, but root is: for namespaces, mounts and accounts. */
const possible = Netns.available && process.getuid?.() === 0;

(possible ? describe : describe.skip)(
  'docker-compose.yml, its processes started in namespaces (skipped without root)',
  () => {
    const scope = new Scope('compose');
    const variables = readEnvFile(join(repository, 'deploy/env.example'));
    const file = readCompose(variables);
    let all: Composition;
    const vip = '172.30.77.10';
    const ses = ['se-1', 'se-2', 'se-3'];

    if (!existsSync('/usr/bin/redis-server')) {
      // The queue is on PostgreSQL then, as it is for everybody who gives no REDIS_URL.
      delete file.services['redis'];
      delete file.services['controller']?.environment?.['REDIS_URL'];
      delete file.services['controller']?.depends_on?.['redis'];
    }

    beforeAll(async () => {
      all = await Composition.create(scope, file);
    });
    afterAll(async () => await scope.close());

    /** A command line as deploy/README.md gives it. */
    const spillway = async (script: string): Promise<string> => {
      const login = `printf %s "$SPILLWAY_ADMIN_PASSWORD" |
        spillway login --api $SPILLWAY_API --ca $SPILLWAY_CA --password-stdin >/dev/null`;
      const { code, stdout } = await all.run(
        'sample',
        `set -e; export SPILLWAY_CONTEXT=/tmp/c; ${login}; ${script}`,
      );
      if (code !== 0) throw new Error(`${script}: exit code ${code}\n${stdout}`);
      return stdout;
    };
    /** From the column PLACED ON: `se-1*,se-2(draining)`. */
    const placements = async (): Promise<string[]> => {
      const [, , engines = ''] =
        /^sample\s.*\s(\d+\/\d+)\s+(\S+)/m.exec(await spillway('spillway get vs')) ?? [];
      return engines
        .split(',')
        .map((each) => each.replace(/[*(].*/, ''))
        .toSorted();
    };
    /** The SEs that the controller calls up. */
    const up = async (): Promise<string[]> =>
      (await spillway('spillway get se'))
        .split('\n')
        .flatMap((line) => /^(\S+)\s+UP\s/.exec(line)?.[1] ?? [])
        .toSorted();
    /** `stop_grace_period`, in milliseconds. */
    const graceOf = (name: string): number =>
      1000 * Number.parseInt(file.services[name]?.stop_grace_period ?? '', 10);
    const clientsOf = (name: string, sort: 'keep-alive' | 'new-connection'): Promise<SpawnedClients> =>
      spawnClients(
        scope,
        { name, sort, host: vip, port: 8080, connections: 8, rate: 200 },
        { netns: all.clients },
      );

    const started = async (sorts: ('keep-alive' | 'new-connection')[]): Promise<SpawnedClients[]> => {
      const load = await Promise.all(sorts.map((sort) => clientsOf(sort, sort)));
      for (const clients of load) await clients.start();
      await goOn(load, 20);
      return load;
    };

    test('everything comes up by itself, and the sample answers on the VIP', async () => {
      await all.up('origin');
      for (const name of ses) await all.up(name);
      for (const name of ['controller', ...ses]) await all.healthy(name);
      const printed = await all.once('sample', 5);
      expect(printed).toMatch(/sample\s/);
      const clients = await clientsOf('first', 'new-connection');
      await clients.start();
      await clients.until('100 answers', ({ ok }) => ok >= 100, 20_000);
      expect(await clients.stop()).toMatchObject({ failed: 0 });
      // What an SE misses in the edge's namespace it says here.
      expect(await spillway('spillway describe se se-1')).not.toMatch(/TCP_MIGRATE_REQ/);
    });

    test('scaled out twice under load, it is served by three, and nothing was lost', async () => {
      const load = await started(['keep-alive', 'new-connection']);
      const printed = await spillway('spillway scaleout sample --wait; spillway scaleout sample --wait');
      expect(printed.match(/scaleout of sample done/g)).toHaveLength(2);
      expect(await placements()).toEqual(ses);
      for (const report of await ended(load)) expect(report).toMatchObject({ failed: 0 });
    });

    test('one SE killed with -9: the others carry on, and it is back when it is started again', async () => {
      const load = await started(['new-connection']);
      const killedAt = Date.now();
      await all.containers.get('se-2')?.kill();
      await goOn(load, 400);
      const [report] = await ended(load);
      // Those that the dead one had taken, and those that waited in its queue.
      expect((report?.lastFailedNewConnectionAt ?? killedAt) - killedAt).toBeLessThan(1_500);
      expect(report?.ok).toBeGreaterThan(400);

      await all.up('se-2');
      await all.healthy('se-2');
      await eventually(async () => expect(await placements()).toEqual(ses) ?? true, {
        within: 30_000,
        every: 500,
        what: 'three SEs again',
      });
    });

    test('docker stop of an SE drains it first: nothing is lost', async () => {
      const load = await started(['keep-alive', 'new-connection']);
      const stopped = await all.containers.get('se-3')?.stop(graceOf('se-3'));
      expect(stopped).toMatchObject({ exit: { code: 0 }, killed: false });
      await goOn(load, 200);
      for (const report of await ended(load)) expect(report).toMatchObject({ failed: 0 });
      expect(await placements()).not.toContain('se-3');
    });

    test('docker stop and start of the controller: traffic does not notice, and the SEs are back with it', async () => {
      const load = await started(['keep-alive', 'new-connection']);
      const stopped = await all.containers.get('controller')?.stop(graceOf('controller'));
      expect(stopped).toMatchObject({ exit: { code: 0 }, killed: false });
      await goOn(load, 200);
      await all.up('controller');
      await all.healthy('controller');
      await eventually(async () => expect(await up()).toEqual(['se-1', 'se-2']) ?? true, {
        within: 30_000,
        every: 500,
        what: 'the SEs that run to be up',
      });
      for (const report of await ended(load)) expect(report).toMatchObject({ failed: 0 });
    });

    test('an SE whose volume is lost enrols anew once it was deleted and the controller started again', async () => {
      await all.removeVolume('se-3');
      await spillway('spillway delete se se-3');
      await all.containers.get('controller')?.stop(graceOf('controller'));
      // It comes first, and waits for its token.
      await all.up('se-3');
      await all.healthy('controller');
      await eventually(async () => expect(await up()).toEqual(ses) ?? true, {
        within: 30_000,
        every: 500,
        what: 'three SEs again',
      });
    });

    test('an SE that hangs is killed by its peers, whose shared memory and pids it can see', async () => {
      const load = await started(['new-connection']);
      const hung = all.containers.get('se-1');
      const hungAt = Date.now();
      hung?.signal('SIGSTOP');
      await eventually(() => hung?.running === false, { within: 10_000, what: 'se-1 to be killed' });
      await goOn(load, 400);
      const [report] = await ended(load);
      expect((report?.lastFailedNewConnectionAt ?? hungAt) - hungAt).toBeLessThan(1_500);
    });
  },
);
