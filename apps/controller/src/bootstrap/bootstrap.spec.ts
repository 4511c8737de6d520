import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { enrol } from '../testing/channel-se.js';
import { TestController } from '../testing/controller.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { until } from '../testing/until.js';

let database: TestDatabase;
let url: string;
let controller: TestController;

beforeAll(async () => {
  database = await testDatabase();
  url = await database.fresh();
}, 60_000);

afterAll(async () => {
  await controller?.stop();
  await database?.stop();
}, 60_000);

const tokens = (): string[] => readdirSync(join(controller.dir, 'tokens')).sort();
const environment = { SPILLWAY_BOOTSTRAP_SES: 'se-1, se-2' };

test('a named SE enrols with its file into Default-Group, which is then gone, also after another start', async () => {
  controller = await TestController.start(url, undefined, environment);
  expect(tokens()).toEqual(['se-1', 'se-2']);
  const token = readFileSync(join(controller.dir, 'tokens', 'se-1'), 'utf8').trim();
  const identity = await enrol(controller.api, token);
  expect(identity.seName).toBe('se-1');
  const object = controller.cache.get(identity.seUuid);
  expect(object?.spec).toMatchObject({
    se_group_ref: controller.named('serviceenginegroup', 'Default-Group'),
  });
  await until(tokens, (left) => left.join() === 'se-2', 'the used token to be gone');

  await controller.stop(true);
  controller = await TestController.start(url, controller.dir, environment);
  expect(tokens()).toEqual(['se-2']);
}, 60_000);
