import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually, Instance, repository, run, RunningProcess, Scope } from '@spillway/testing';

jest.setTimeout(120_000);

/** As grpc.health.v1 numbers them. */
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

const client = join(repository, 'test/src/status/health_client.py');
/** The interpreter that Debian's packages belong to. */
const python = '/usr/bin/python3';
const available = existsSync('/usr/lib/python3/dist-packages/grpc/__init__.py');

(available ? describe : describe.skip)("Debian's python3-grpcio", () => {
  const scope = new Scope('python');
  let instance: Instance;

  const args = (who: readonly string[], ...call: string[]): string[] => [
    client,
    instance.status.health.replace(/^https:\/\//, ''),
    instance.status.grpc_ca,
    ...who,
    ...call,
  ];
  const certificate = (): string[] => [
    '--cert',
    instance.status.grpc_cert,
    '--key',
    instance.status.grpc_key,
  ];

  const ask = async (who: readonly string[], ...call: string[]): Promise<unknown> => {
    const { stdout } = await run(python, args(who, ...call), { timeout: 30_000, check: false });
    return JSON.parse(stdout);
  };

  beforeAll(async () => {
    instance = await Instance.start(scope, { serviceEngines: 0 });
  });

  afterAll(async () => await scope.close());

  test('checks and lists with the client certificate', async () => {
    expect(await ask(certificate(), 'check')).toEqual({ status: SERVING });
    expect(await ask(certificate(), 'check', 'virtualservice/none')).toMatchObject({ error: 'NOT_FOUND' });
    expect(await ask(certificate(), 'list')).toEqual({ statuses: { '': SERVING } });
  });

  test('with an API token in the metadata, and not without', async () => {
    const { body } = await instance.api.send<{ token: string }>('POST', '/api/user-token', { hours: 1 });
    const { token } = body;
    expect(await ask(['--token', token], 'check')).toEqual({ status: SERVING });
    expect(await ask(['--token', 'wrong'], 'check')).toMatchObject({ error: 'UNAUTHENTICATED' });
    expect(await ask([], 'check')).toMatchObject({ error: 'UNAUTHENTICATED' });
  });

  test('watches a virtual service come to be', async () => {
    const watch = await RunningProcess.start(
      scope,
      python,
      args(certificate(), 'watch', 'virtualservice/web', '2'),
    );
    const lines = (): { status: number }[] =>
      watch
        .output()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { status: number });
    await eventually(() => lines().length === 1, { what: 'the first status' });
    const vsvip = { name: 'web-vip', vip: [{ vip_id: '0', ip_address: { addr: '127.0.50.1', type: 'V4' } }] };
    await instance.api.send('POST', '/api/vsvip', vsvip);
    await instance.api.send('POST', '/api/virtualservice', {
      name: 'web',
      vsvip_ref: '/api/vsvip?name=web-vip',
      services: [{ port: 8080 }],
    });
    await eventually(() => lines().length === 2, { what: 'the second status' });
    expect(lines()).toEqual([{ status: SERVICE_UNKNOWN }, { status: NOT_SERVING }]);
  });
});
