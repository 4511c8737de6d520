import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { se } from '@spillway/protocol';
import { serviceEngineUri } from '../pki/index.js';
import {
  apiCall,
  certificateRequest,
  channelClient,
  ChannelSe,
  type ChannelSeOptions,
  enrol,
  identityOf,
  type SeIdentity,
} from '../testing/channel-se.js';
import { TestController } from '../testing/controller.js';
import { testDatabase, type TestDatabase } from '../testing/database.js';
import { until } from '../testing/until.js';

let database: TestDatabase;
let controller: TestController;
const open: ChannelSe[] = [];

const attach = (identity: SeIdentity, options?: ChannelSeOptions): ChannelSe => {
  const fake = new ChannelSe(identity, options);
  open.push(fake);
  return fake;
};

const runtime = async (seUuid: string): Promise<Record<string, unknown>> => {
  const [row]: Record<string, unknown>[] = await controller.db.query(
    'SELECT * FROM se_runtime WHERE se_uuid = $1',
    [seUuid],
  );
  return row ?? {};
};

const post = (path: string, body: unknown) =>
  apiCall(`${controller.api}/api/se-enrolment${path}`, 'POST', body);

// Enrolment of this address waits after the tests above: identities come from the service itself.
const fresh = async (name: string): Promise<SeIdentity> => {
  const { EnrolmentService } = await import('./enrolment.service.js');
  const { csrPem, keyPem } = await certificateRequest();
  const enrolled = await controller
    .get(EnrolmentService)
    .enrol({ token: await controller.token(name), csrPem, seName: '' });
  return identityOf({ ...enrolled }, keyPem);
};

beforeAll(async () => {
  database = await testDatabase();
  controller = await TestController.start(await database.fresh());
}, 60_000);

afterEach(() => {
  for (const fake of open.splice(0)) fake.close();
});

afterAll(async () => {
  await controller?.stop();
  await database?.stop();
}, 60_000);

describe('enrolment', () => {
  it('buys one SE for one token', async () => {
    const token = await controller.token();
    const identity = await enrol(controller.api, token, 'brought-its-name');
    expect(identity.seName).toBe('brought-its-name');
    expect(controller.cache.get(identity.seUuid)?.name).toBe('brought-its-name');
    expect(identity.grpc).toBe(controller.grpc);
    const { csrPem } = await certificateRequest();
    const again = await post('', { token, csr_pem: csrPem, se_name: 'second' });
    expect(again).toMatchObject({ status: 401, body: { code: 'ENROLMENT_REFUSED' } });
  });

  it('answers the same key again, since the first answer may have been lost', async () => {
    const token = await controller.token('same-key');
    const { csrPem } = await certificateRequest();
    const first = await post('', { token, csr_pem: csrPem });
    const second = await post('', { token, csr_pem: csrPem });
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body['se_uuid']).toBe(first.body['se_uuid']);
  });

  it('lets one of many that come at once with one token in', async () => {
    const token = await controller.token('raced');
    const requests = await Promise.all([1, 2, 3, 4, 5].map(() => certificateRequest()));
    const replies = await Promise.all(requests.map((r) => post('', { token, csr_pem: r.csrPem })));
    expect(replies.map((r) => r.status).toSorted((a, b) => a - b)).toEqual([200, 401, 401, 401, 401]);
    expect(controller.cache.byName('serviceengine', 'raced')).toHaveLength(1);
  });

  it('refuses what is expired, made up, pinned to another CA, or malformed', async () => {
    const token = await controller.token('late');
    await controller.db.query(
      "UPDATE enrolment_token SET expires_at = clock_timestamp() - interval '1s' WHERE se_name = 'late'",
    );
    const { csrPem } = await certificateRequest();
    expect((await post('', { token, csr_pem: csrPem })).status).toBe(401);
    const good = await controller.token('pinned');
    const [id, secret, pin = ''] = good.split('.');
    expect(
      (await post('', { token: `${id}.${secret}.${pin.replace(/./g, '0')}`, csr_pem: csrPem })).status,
    ).toBe(401);
    expect((await post('', { token: `${id}.x.${pin}`, csr_pem: csrPem })).status).toBe(401);
    expect(await post('', { token: good, csr_pem: 'hello' })).toMatchObject({
      status: 400,
      body: { code: 'CERTIFICATE_REQUEST_INVALID' },
    });
    expect((await post('', { token: 5 })).status).toBe(400);
    // None of that used the token up.
    expect((await post('', { token: good, csr_pem: csrPem })).status).toBe(200);
  });

  it('names an SE that is there already, and enrols it again with a token of its name', async () => {
    const first = await controller.enrolled('twice');
    const { csrPem } = await certificateRequest();
    const taken = await post('', { token: await controller.token(), csr_pem: csrPem, se_name: 'twice' });
    expect(taken).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('SPILLWAY_SE_NAME') },
    });
    expect((await controller.enrolled('twice')).seUuid).toBe(first.seUuid);
  });

  it('gives tokens to who may write service engines, and to nobody else', async () => {
    expect((await post('/token', { name: 'x' })).status).toBe(401);
    const login = await apiCall(`${controller.api}/login`, 'POST', {
      username: 'admin',
      password: 'correct-horse',
    });
    expect(login.status).toBe(200);
    const basic = { authorization: `Basic ${Buffer.from('admin:correct-horse').toString('base64')}` };
    const system = [...controller.cache.byKind('systemconfiguration')][0]?.uuid ?? '';
    await controller.update('systemconfiguration', system, {
      portal_configuration: { allow_basic_authentication: true },
    });
    const url = `${controller.api}/api/se-enrolment/token`;
    const reply = await apiCall(url, 'POST', { name: 'by-rest', ttl: 60 }, { headers: basic });
    expect(reply.status).toBe(201);
    expect((await enrol(controller.api, String(reply.body['token']))).seName).toBe('by-rest');
    const wrong = await apiCall(url, 'POST', { se_group_ref: 'no-such-group' }, { headers: basic });
    expect(wrong).toMatchObject({ status: 400, body: { error: expect.stringContaining('no-such-group') } });
  });

  it('renews with the key of the last certificate, and with no other', async () => {
    const identity = await controller.enrolled('renewer');
    const same = await certificateRequest(identity.keyPem);
    const reply = await post('/renew', { se_uuid: identity.seUuid, csr_pem: same.csrPem });
    expect(reply.status).toBe(200);
    const renewed = attach(identityOf(reply.body, identity.keyPem));
    await renewed.got('welcome');
    const other = await certificateRequest();
    expect((await post('/renew', { se_uuid: identity.seUuid, csr_pem: other.csrPem })).status).toBe(401);
    expect((await post('/renew', { se_uuid: 'serviceengine-x', csr_pem: same.csrPem })).status).toBe(401);
  });

  it('makes an address wait that fails too often', async () => {
    const { csrPem } = await certificateRequest();
    const bad = { token: 'a.b.c', csr_pem: csrPem };
    const replies = await until(
      () => post('', bad),
      (r) => r.status === 429,
      'a 429',
    );
    expect(Number(replies.body['retry_after'])).toBeGreaterThan(0);
  });
});

describe('the channel', () => {
  let identity: SeIdentity;
  beforeAll(async () => {
    identity = await fresh('channel-1');
  });

  it('refuses a client without a certificate of the cluster', async () => {
    const stranger = await fresh('stranger');
    // The same names from an authority of its own.
    const { createAuthority, issue, readRequest } = await import('../pki/x509.js');
    const { csrPem, keyPem } = await certificateRequest();
    const forged = await issue(await createAuthority('spillway'), {
      publicKey: await readRequest(csrPem),
      commonName: stranger.seUuid,
      names: { uri: [serviceEngineUri(controller.cache.clusterUuid, stranger.seUuid)] },
      usages: ['client'],
      lifetime: 60_000,
    });
    const fake = attach({ ...stranger, keyPem, certificatePem: forged.certificatePem });
    expect((await fake.whenEnded()).code).toBe(status.UNAVAILABLE);
    // A certificate of the cluster that is no SE's.
    const { PkiService } = await import('../pki/index.js');
    const outsider = await controller.get(PkiService).outsiderCertificate();
    const other = attach({ ...stranger, keyPem: outsider.keyPem, certificatePem: outsider.certificatePem });
    expect(await other.whenEnded()).toMatchObject({ code: status.UNAUTHENTICATED });
  });

  it('knows an SE by its certificate and not by its Hello', async () => {
    const fake = attach(identity, { seUuid: 'serviceengine-somebody-else' });
    expect(await fake.whenEnded()).toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining('speaks for itself only'),
    });
  });

  it('needs a Hello first', async () => {
    const stream = channelClient(identity).attach();
    const ended = new Promise<{ code: number }>((resolve) => stream.on('status', resolve));
    stream.on('error', () => undefined);
    stream.on('data', () => undefined);
    stream.write({ body: { $case: 'heartbeat', value: se.Heartbeat.fromPartial({}) } });
    expect((await ended).code).toBe(status.FAILED_PRECONDITION);
  });

  it('welcomes, records and tells', async () => {
    const { SeEvents } = await import('./se-events.js');
    const connected: unknown[] = [];
    const off = controller.get(SeEvents).on('connected', (e) => connected.push(e));
    const fake = attach(identity, { bootId: 'boot-1', heartbeat: 50 });
    const welcome = await fake.got('welcome');
    expect(welcome.body?.value).toMatchObject({ epoch: controller.cache.epoch, heartbeatIntervalMs: 1000 });
    const row = await until(
      () => runtime(identity.seUuid),
      (r) => r['connected'] === true && r['heartbeat'] !== null,
      'connected',
    );
    expect(row).toMatchObject({
      oper_state: 'OPER_UP',
      boot_id: 'boot-1',
      host: { hostname: 'h', cores: 1 },
    });
    await until(
      () => connected,
      (list) => list.length > 0,
      'the event',
    );
    expect(connected).toEqual([
      { seUuid: identity.seUuid, seName: 'channel-1', bootId: 'boot-1', restarted: true, cameUp: true },
    ]);
    off();
  });

  it('replaces an older stream of the same SE', async () => {
    const first = attach(identity);
    await first.got('welcome');
    const second = attach(identity);
    await second.got('welcome');
    expect((await first.got('goodbye')).body?.value).toEqual({
      reason: 'a newer stream of this service engine took over',
    });
    await first.whenEnded();
    await second.got('configUpdate');
    await until(
      () => runtime(identity.seUuid),
      (r) => r['connected'] === true,
      'still connected',
    );
    second.close();
    await until(
      () => runtime(identity.seUuid),
      (r) => r['connected'] === false,
      'disconnected',
    );
    expect((await runtime(identity.seUuid))['oper_state']).toBe('OPER_UP');
  });

  it('renews over the channel', async () => {
    const { csrPem, keyPem } = await certificateRequest();
    const reply = await new Promise<se.RenewReply>((resolve, reject) => {
      channelClient(identity).renew({ csrPem }, (error, value) => (error ? reject(error) : resolve(value)));
    });
    const renewed = { ...identity, keyPem, certificatePem: reply.certificatePem };
    await attach(renewed).got('welcome');
    await expect(
      new Promise((resolve, reject) => {
        channelClient(renewed).renew({ csrPem: 'x' }, (error, value) =>
          error ? reject(error) : resolve(value),
        );
      }),
    ).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    identity = renewed;
  });

  it('lets an SE with an expired certificate in again by its key', async () => {
    const { PkiService } = await import('../pki/index.js');
    const { DatabaseAuthorityStore } = await import('../pki/authority-store.js');
    const short = new PkiService(new DatabaseAuthorityStore(controller.db), {
      dir: controller.dir,
      secretKeyFile: `${controller.dir}/secret.key`,
      serverNames: [],
      seCertificateLifetime: -1_000,
    });
    const owner = await fresh('outage');
    const { csrPem } = await certificateRequest(owner.keyPem);
    const expired = await short.signServiceEngine(csrPem, owner.seUuid);
    const refused = attach({ ...owner, certificatePem: expired.certificatePem });
    expect((await refused.whenEnded()).code).toBe(status.UNAVAILABLE);
    const { EnrolmentService } = await import('./enrolment.service.js');
    const again = await controller.get(EnrolmentService).renew(owner.seUuid, csrPem);
    await attach(identityOf({ ...again }, owner.keyPem)).got('welcome');
  });

  it('releases an SE that was deleted, and one that comes back after it', async () => {
    const doomed = await fresh('doomed');
    const fake = attach(doomed);
    await fake.got('welcome');
    await controller.store.remove('serviceengine', doomed.seUuid);
    await fake.got('release');
    const later = attach(doomed);
    await later.got('release');
    expect((await later.whenEnded()).code).toBe(status.NOT_FOUND);
  });
});
