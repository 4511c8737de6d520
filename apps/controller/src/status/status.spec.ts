import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import {
  CONTROLLER_CHANNEL_OPTIONS,
  health,
  reflection,
  reflectionV1alpha,
  se,
  status,
} from '@spillway/protocol';
import { Endpoints } from '../config/endpoints.js';
import { SessionService } from '../identity/session.service.js';
import { OperationRunner } from '../operation/operation-runner.js';
import { Reconciler } from '../placement/reconciler.js';
import { ChannelSe } from '../testing/channel-se.js';
import { TestController } from '../testing/controller.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { until } from '../testing/until.js';

const Serving = health.HealthCheckResponse_ServingStatus;

let database: TestDatabase;
let controller: TestController;
let withCertificate: grpc.ChannelCredentials;
let withoutCertificate: grpc.ChannelCredentials;
let address: string;
let vs: string;
let pool: string;
let fake: ChannelSe;
const ends: (() => void)[] = [];

const healthClient = (credentials = withCertificate): health.HealthClient => {
  const client = new health.HealthClient(address, credentials, CONTROLLER_CHANNEL_OPTIONS);
  ends.push(() => client.close());
  return client;
};

const check = (service: string, client = healthClient(), metadata = new grpc.Metadata()) =>
  new Promise<health.HealthCheckResponse_ServingStatus>((resolve, reject) => {
    client.check({ service }, metadata, (error, reply) => (error ? reject(error) : resolve(reply.status)));
  });

/** Everything a stream gives, as it comes. */
function collect<T>(call: grpc.ClientReadableStream<T>): T[] {
  const got: T[] = [];
  call.on('data', (message: T) => got.push(message));
  call.on('error', () => undefined);
  ends.push(() => call.cancel());
  return got;
}

beforeAll(async () => {
  database = await testDatabase();
  controller = await TestController.start(await database.fresh());
  await controller.get(Reconciler).onApplicationShutdown();
  await controller.get(OperationRunner).onApplicationShutdown();
  address = controller.get(Endpoints).all().status ?? '';
  const file = (name: string): Buffer => readFileSync(join(controller.dir, name));
  withCertificate = grpc.credentials.createSsl(
    file('ca.pem'),
    file('status-client.key'),
    file('status-client.pem'),
  );
  withoutCertificate = grpc.credentials.createSsl(file('ca.pem'));
  ({ vs, pool } = await controller.service('web', '127.0.40.1'));
  const identity = await controller.enrolled('se-1');
  const epoch = await controller.place(vs, identity.seUuid);
  fake = new ChannelSe(identity, { heartbeat: 100 });
  await fake.change(1);
  fake.status([placementStatus(se.PlacementState.ACTIVE, epoch)], [serverStatus(true)], true);
}, 60_000);

const placementStatus = (state: se.PlacementState, epoch: number): se.PlacementStatus =>
  se.PlacementStatus.fromPartial({ virtualServiceUuid: vs, vipId: '0', state, epoch });

const serverStatus = (up: boolean): se.ServerStatus =>
  se.ServerStatus.fromPartial({
    poolUuid: pool,
    server: '10.0.0.1:80',
    up,
    failureCode: up ? '' : 'CONNECTION_REFUSED',
    changedAt: Date.now(),
  });

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

afterAll(async () => {
  fake?.close();
  await controller?.stop();
  await database?.stop();
}, 60_000);

const watch = (request: Partial<status.WatchRequest> = {}): status.StatusEvent[] => {
  const client = new status.StatusClient(address, withCertificate, CONTROLLER_CHANNEL_OPTIONS);
  ends.push(() => client.close());
  return collect(client.watch(status.WatchRequest.fromPartial(request)));
};
const kinds = (got: status.StatusEvent[]): (string | undefined)[] => got.map((e) => e.body?.$case);

describe('grpc.health.v1', () => {
  it('checks controller, SE and virtual service by name', async () => {
    expect(await check('')).toBe(Serving.SERVING);
    await until(
      () => check('serviceengine/se-1'),
      (s) => s === Serving.SERVING,
      'the SE',
    );
    await until(
      () => check('virtualservice/web'),
      (s) => s === Serving.SERVING,
      'the virtual service',
    );
    await expect(check('virtualservice/nothing')).rejects.toMatchObject({ code: grpc.status.NOT_FOUND });
  });

  it('lists all', async () => {
    const client = healthClient();
    const reply = await new Promise<health.HealthListResponse>((resolve, reject) => {
      client.list({}, (error, value) => (error ? reject(error) : resolve(value)));
    });
    expect(Object.keys(reply.statuses).toSorted()).toEqual(['', 'serviceengine/se-1', 'virtualservice/web']);
  });

  it('watches a virtual service whose servers go down and come back', async () => {
    const got = collect(healthClient().watch({ service: 'virtualservice/web' }));
    await until(
      () => got.length,
      (n) => n === 1,
      'the first status',
    );
    fake.status([], [serverStatus(false)]);
    await until(
      () => got.length,
      (n) => n === 2,
      'the second status',
    );
    fake.status([], [serverStatus(true)]);
    await until(
      () => got.length,
      (n) => n === 3,
      'the third status',
    );
    expect(got.map((g) => g.status)).toEqual([Serving.SERVING, Serving.NOT_SERVING, Serving.SERVING]);
  });

  it('watches a name that is not there yet', async () => {
    const got = collect(healthClient().watch({ service: 'virtualservice/later' }));
    await until(
      () => got.length,
      (n) => n === 1,
      'the first status',
    );
    expect(got[0]?.status).toBe(Serving.SERVICE_UNKNOWN);
    await controller.service('later', '127.0.40.2');
    await until(
      () => got.at(-1)?.status,
      (s) => s === Serving.NOT_SERVING,
      'not serving',
    );
  });
});

describe('who may ask', () => {
  it('nobody without certificate or token', async () => {
    await expect(check('', healthClient(withoutCertificate))).rejects.toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
    });
    const metadata = new grpc.Metadata();
    metadata.set('authorization', 'Bearer made-up');
    await expect(check('', healthClient(withoutCertificate), metadata)).rejects.toMatchObject({
      code: grpc.status.UNAUTHENTICATED,
    });
  });

  it('a user with a token, who sees what the roles allow', async () => {
    const metadata = new grpc.Metadata();
    const { token } = await controller.get(SessionService).issueToken('user-1', 1);
    metadata.set('authorization', `Bearer ${token}`);
    expect(await check('virtualservice/web', healthClient(withoutCertificate), metadata)).toBe(
      Serving.SERVING,
    );
    const nobody = await controller.create('user', { name: 'nobody', username: 'nobody', is_active: true });
    const other = new grpc.Metadata();
    const issued = await controller.get(SessionService).issueToken(nobody.uuid, 1);
    other.set('authorization', `Bearer ${issued.token}`);
    await expect(check('virtualservice/web', healthClient(withoutCertificate), other)).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
    });
  });
});

describe('the status stream', () => {
  it('gives all that is known, then every change', async () => {
    const got = watch({ serviceEngines: ['se-1'], virtualServices: ['web'] });
    await until(
      () => kinds(got),
      (k) => k.includes('synced'),
      'synced',
    );
    expect(kinds(got)).toEqual(['serviceEngine', 'virtualService', 'synced']);
    expect(got[0]?.body?.value).toMatchObject({
      name: 'se-1',
      connected: true,
      operState: 'OPER_UP',
      generation: fake.generation,
      virtualServices: ['web'],
    });
    expect(got[1]?.body?.value).toMatchObject({
      name: 'web',
      tenant: 'admin',
      operState: 'OPER_UP',
      numSeAssigned: 1,
      placedOn: [{ seName: 'se-1', primary: true, state: 'active' }],
    });
    fake.status([], [serverStatus(false)]);
    await until(
      () => got.length,
      (n) => n === 4,
      'the change',
    );
    expect(got[3]?.body).toMatchObject({ $case: 'virtualService', value: { operState: 'OPER_DOWN' } });
    fake.status([], [serverStatus(true)]);
    await until(
      () => got.length,
      (n) => n === 5,
      'the change back',
    );
  });

  it('repeats the figures when asked to', async () => {
    const got = watch({ serviceEngines: ['se-1'], intervalMs: 100 });
    await until(
      () => kinds(got),
      (k) => k.includes('synced'),
      'synced',
    );
    fake.figures = { cpuPercent: 12.5, memoryUsedBytes: 7, openConnections: 3 };
    const found = await until(
      () => got.find((e) => e.body?.$case === 'serviceEngine' && e.body.value.cpuPercent === 12.5),
      (e) => e !== undefined,
      'the figures',
    );
    expect(found?.body?.value).toMatchObject({ memoryUsedBytes: 7, openConnections: 3 });
  });

  it('says what is gone', async () => {
    const { vs: doomed } = await controller.service('doomed', '127.0.40.3');
    const got = watch();
    await until(
      () => kinds(got),
      (k) => k.includes('synced'),
      'synced',
    );
    await controller.store.remove('virtualservice', doomed);
    await until(
      () => kinds(got),
      (k) => k.includes('removed'),
      'removed',
    );
    expect(got.find((e) => e.body?.$case === 'removed')?.body?.value).toEqual({
      name: 'virtualservice/doomed',
    });
  });
});

describe('server reflection', () => {
  const clients = {
    v1: () => new reflection.ServerReflectionClient(address, withCertificate, CONTROLLER_CHANNEL_OPTIONS),
    v1alpha: () =>
      new reflectionV1alpha.ServerReflectionClient(address, withCertificate, CONTROLLER_CHANNEL_OPTIONS),
  };

  it.each(['v1', 'v1alpha'] as const)('%s lists services and gives their files', async (version) => {
    const client = clients[version]();
    ends.push(() => client.close());
    const call = client.serverReflectionInfo();
    const got = collect(call as grpc.ClientReadableStream<reflection.ServerReflectionResponse>);
    const ask = (messageRequest: reflection.ServerReflectionRequest['messageRequest']): boolean =>
      call.write({ host: 'h', messageRequest });
    ask({ $case: 'listServices', value: '' });
    ask({ $case: 'fileContainingSymbol', value: 'grpc.health.v1.Health.Check' });
    ask({ $case: 'fileByFilename', value: 'spillway/status/v1/status.proto' });
    ask({ $case: 'fileContainingSymbol', value: 'no.such.Thing' });
    await until(
      () => got.length,
      (n) => n === 4,
      'four answers',
    );
    const [services, byFile, named, unknown] = got.map((g) => g.messageResponse);
    expect(services).toMatchObject({
      value: { service: expect.arrayContaining([{ name: 'grpc.health.v1.Health' }]) },
    });
    const names = [byFile, named].map((r) =>
      r?.$case === 'fileDescriptorResponse'
        ? r.value.fileDescriptorProto.map((b) => fromBinary(FileDescriptorProtoSchema, b).name)
        : [],
    );
    expect(names).toEqual([['grpc/health/v1/health.proto'], ['spillway/status/v1/status.proto']]);
    expect(unknown).toMatchObject({ $case: 'errorResponse', value: { errorCode: grpc.status.NOT_FOUND } });
  });
});
