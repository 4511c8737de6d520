import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type InstanceStatus, now, repository, run, type Scope } from '@spillway/testing';
import { atMost, type Row, told } from '../report/row.js';

const SECOND = 3_000;
const TIMES = 3;

/** `./spillway up` as a person types it, with the sample application and three SEs. */
export async function measureStart(scope: Scope): Promise<Row[]> {
  const dir = join(await scope.tempDir('start'), 'state');
  scope.defer(`instance in ${dir}`, () => spillway('down', dir));
  const first = await started(dir);
  const others: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    await spillway('down', dir);
    others.push(await started(dir));
  }
  return [
    told(
      'first start on a prepared checkout: command to API and sample answering',
      `${(first / 1_000).toFixed(2)} s`,
      {
        milliseconds: first,
      },
    ),
    atMost(
      `second start: command to API and sample answering, slowest of ${TIMES}`,
      SECOND,
      Math.max(...others),
      {
        fastest: Math.min(...others),
      },
    ),
  ];
}

async function spillway(verb: string, dir: string, ...args: string[]): Promise<string> {
  const options = { cwd: '/', timeout: 90_000 };
  return (await run(join(repository, 'spillway'), [verb, '--dir', dir, ...args], options)).stdout;
}

async function started(dir: string): Promise<number> {
  const began = now();
  await spillway('up', dir, '--detach', '--api-port', '0');
  const state = JSON.parse(await readFile(join(dir, 'state.json'), 'utf8')) as {
    sample: { address: string; port: number };
  };
  const { api } = JSON.parse(
    await readFile(join(dir, 'controller', 'controller.json'), 'utf8'),
  ) as InstanceStatus;
  const ca = await readFile(join(dir, 'controller', 'ca.pem'), 'utf8');
  await ok(`http://${state.sample.address}:${state.sample.port}/`);
  await ok(`${api.startsWith('https:') ? api : `https://${api}`}/api/initial-data`, ca);
  return now() - began;
}

function ok(url: string, ca?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { agent: false, timeout: 5_000, ...(ca !== undefined && { ca }) } as const;
    const request = (ca === undefined ? get : getSecurely)(url, options, (response) => {
      response.resume();
      if (response.statusCode === 200) response.once('end', resolve);
      else reject(new Error(`${url}: ${response.statusCode}`));
    });
    request.once('timeout', () => request.destroy(new Error(`${url}: no answer within 5 s`)));
    request.once('error', reject);
  });
}
