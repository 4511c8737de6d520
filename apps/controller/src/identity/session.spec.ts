import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { until } from '../testing/until.js';
import { ADMIN_PASSWORD, startApiInstance, type ApiInstance } from '../testing/api-instance.js';

let controller: ApiInstance;
beforeAll(async () => {
  controller = await startApiInstance();
}, 60_000);
afterAll(() => controller.close());

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

describe('login', () => {
  it('takes a form, and answers the body and the three cookies that clients read', async () => {
    const reply = await controller.client().login('admin', ADMIN_PASSWORD);
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({
      user_initialized: true,
      session_cookie_name: 'avi-sessionid',
      version: { Version: '30.2.1', min_version: 15.2, Product: 'controller' },
      user: { name: 'admin', username: 'admin', uuid: 'user-1', is_superuser: true, local: true },
      controller: { api_idle_timeout: 15 },
      tenants: [
        { name: 'admin', uuid: 'admin', local: true, url: `${controller.running.api}/api/tenant/admin` },
      ],
    });
    expect(reply.body['system_config']).toHaveProperty('default_license_tier');
    expect(reply.text).not.toContain(ADMIN_PASSWORD);
    const cookies = reply.headers['set-cookie'] ?? [];
    expect(cookies.map((c) => c.split('=')[0])).toEqual(['csrftoken', 'avi-sessionid', 'sessionid']);
    const [csrf = '', avi = '', session = ''] = cookies;
    expect(csrf).toMatch(/^csrftoken=[a-z0-9]{32}; expires=.*Max-Age=31449600; Path=\/; Secure/);
    expect(avi).toMatch(/^avi-sessionid=[a-z0-9]{32}; HttpOnly; Max-Age=86400; Path=\/; Secure/);
    expect(session.split(';')[0]?.split('=')[1]).toBe(avi.split(';')[0]?.split('=')[1]);
  });

  it('takes JSON', async () => {
    const reply = await controller.client().post('/login', { username: 'admin', password: ADMIN_PASSWORD });
    expect(reply.status).toBe(200);
  });

  it('refuses a wrong password and an unknown user with the same words', async () => {
    const wrong = await controller.client().login('admin', 'wrong');
    const unknown = await controller.client().login('nobody', 'wrong');
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect(wrong.text).toBe(unknown.text);
    expect(wrong.headers['set-cookie']).toBeUndefined();
  });

  it('refuses what is no login', async () => {
    const client = controller.client();
    expect((await client.post('/login', { username: 5 })).status).toBe(400);
    expect(
      (await client.send('POST', '/login', '{"username":', { 'Content-Type': 'application/json' })).status,
    ).toBe(400);
    expect((await client.send('POST', '/login', undefined)).status).toBe(401);
  });

  it('limits failures per user and says when to try again', async () => {
    const client = await controller.admin();
    await client.create('user', { name: 'limited', password: 'right password', access: [] });
    const stranger = controller.client();
    let last = await stranger.login('limited', 'wrong');
    for (let i = 0; i < 25 && last.status === 401; i += 1) last = await stranger.login('limited', 'wrong');
    expect(last.status).toBe(429);
    expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
    expect((await stranger.login('limited', 'right password')).status).toBe(429);
  });

  it('takes the limit and its time from the system settings', async () => {
    const client = await controller.admin();
    await client.create('user', { name: 'locked', password: 'right password' });
    await client.patch('/api/systemconfiguration', {
      replace: {
        portal_configuration: {
          max_login_failure_count: 2,
          account_lock_timeout: 7,
          minimum_password_length: 12,
        },
      },
    });
    const stranger = controller.client();
    for (let i = 0; i < 2; i += 1) expect((await stranger.login('locked', 'wrong')).status).toBe(401);
    const locked = await stranger.login('locked', 'right password');
    expect(locked.status).toBe(429);
    expect(Number(locked.headers['retry-after'])).toBeGreaterThan(6 * 60);
    const short = await client.post('/api/user', { name: 'short', password: 'eleven char' });
    expect([short.status, short.body['error']]).toEqual([400, expect.stringMatching(/password.*12/)]);
    await client.patch('/api/systemconfiguration', { replace: { portal_configuration: {} } });
  });
});

describe('a session', () => {
  it('needs its CSRF token for every write, with the text that clients know', async () => {
    const client = await controller.admin();
    const body = JSON.stringify({ name: 'csrf', type: 'SG_TYPE_STRING' });
    const json = { 'Content-Type': 'application/json' };
    for (const token of ['', 'x'.repeat(32)]) {
      const reply = await client.send('POST', '/api/stringgroup', body, { ...json, 'X-CSRFToken': token });
      expect(reply.status).toBe(401);
      expect(reply.text).toBe('CSRF token missing or incorrect.');
      expect(reply.headers['content-type']).toMatch(/^text\/plain/);
    }
    expect((await client.send('GET', '/api/stringgroup', undefined, { 'X-CSRFToken': '' })).status).toBe(200);
    expect((await client.send('POST', '/api/stringgroup', body, json)).status).toBe(201);
  });

  it('is found among duplicate cookie pairs, whichever is the valid one', async () => {
    const client = await controller.admin();
    const stale =
      'csrftoken=old; avi-sessionid=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; sessionid=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
    for (const cookie of [`${stale}; ${client.cookie}`, `${client.cookie}; ${stale}`])
      expect((await client.get('/api/pool', { Cookie: cookie })).status).toBe(200);
    const only = client.cookie.split('; ').find((c) => c.startsWith('sessionid=')) ?? '';
    expect((await client.get('/api/pool', { Cookie: only })).status).toBe(200);
    expect((await client.get('/api/pool', { Cookie: stale })).status).toBe(401);
  });

  it('ends with logout', async () => {
    const client = await controller.admin();
    const reply = await client.post('/logout', {});
    expect(reply.status).toBe(200);
    expect((await client.get('/api/pool')).status).toBe(401);
    const noted = await until(
      () =>
        controller.running.app
          .get(DataSource)
          .query("SELECT event_id FROM event WHERE event_id LIKE 'USER_LOG%' ORDER BY id DESC LIMIT 1"),
      (rows) => JSON.stringify(rows).includes('USER_LOGOUT'),
      'the event of the logout',
    );
    expect(noted).toEqual([{ event_id: 'USER_LOGOUT' }]);
  });

  it('ends when it is idle for api_idle_timeout, and use pushes that on', async () => {
    const client = await controller.admin();
    const database = controller.running.app.get(DataSource);
    await database.query(
      "UPDATE session SET last_used_at = now() - interval '14 minutes', expires_at = now() + interval '1 minute'",
    );
    const used = await client.get('/api/pool');
    expect(used.status).toBe(200);
    expect(used.headers['set-cookie']).toHaveLength(3);
    const [row] = await database.query<{ minutes: string }[]>(
      'SELECT extract(epoch from max(expires_at) - now()) / 60 AS minutes FROM session',
    );
    expect(Number(row?.minutes)).toBeGreaterThan(14);
    await database.query("UPDATE session SET expires_at = now() - interval '1 second'");
    expect((await client.get('/api/pool')).status).toBe(401);
    const admin = await controller.admin();
    await admin.patch('/api/controllerproperties', { replace: { api_idle_timeout: 45 } });
    expect(
      (
        await controller
          .admin()
          .then((s) => s.post('/login', { username: 'admin', password: ADMIN_PASSWORD }))
      ).body['controller'],
    ).toEqual({ api_idle_timeout: 45 });
    const [longer] = await database.query<{ minutes: string }[]>(
      'SELECT extract(epoch from max(expires_at) - now()) / 60 AS minutes FROM session',
    );
    expect(Number(longer?.minutes)).toBeGreaterThan(44);
  });
});

describe('a token', () => {
  it('logs in, alone or with the name, and works as a bearer', async () => {
    const client = await controller.admin();
    const issued = await client.post('/api/user-token', { hours: 2 });
    expect(issued.status).toBe(200);
    const token = String(issued.body['token']);
    const stranger = controller.client();
    expect((await stranger.send('POST', '/login', `username=admin&token=${token}`, FORM)).status).toBe(200);
    expect((await stranger.post('/login', { token })).status).toBe(200);
    expect((await stranger.get('/api/pool', { Authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await stranger.get('/api/pool', { Authorization: 'Bearer nonsense' })).status).toBe(401);
    expect((await client.post('/api/user-token', { hours: -1 })).status).toBe(400);
  });
});

describe('HTTP Basic', () => {
  it('works only where the system setting allows it', async () => {
    const client = await controller.admin();
    const basic = { Authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}` };
    const stranger = controller.client();
    expect((await stranger.get('/api/cluster/version', basic)).status).toBe(401);
    const change = await client.patch('/api/systemconfiguration', {
      replace: { portal_configuration: { allow_basic_authentication: true } },
    });
    expect(change.status).toBe(200);
    expect((await stranger.get('/api/cluster/version', basic)).status).toBe(200);
    expect(
      (await stranger.post('/api/stringgroup', { name: 'by basic', type: 'SG_TYPE_STRING' }, basic)).status,
    ).toBe(201);
  });
});

describe('an account', () => {
  it('changes its password only with the old one; sessions under the old one end', async () => {
    const admin = await controller.admin();
    await admin.create('user', { name: 'carol', password: 'first password', is_superuser: true });
    const carol = controller.client();
    await carol.login('carol', 'first password');
    expect((await carol.get('/api/useraccount')).body).toMatchObject({ username: 'carol' });
    const wrong = await carol.put('/api/useraccount', {
      username: 'carol',
      password: 'second password',
      old_password: 'nope',
    });
    expect(wrong.status).toBe(403);
    const weak = await carol.put('/api/useraccount', { password: 'short', old_password: 'first password' });
    expect(weak.status).toBe(400);
    const changed = await carol.put('/api/useraccount', {
      username: 'carol',
      password: 'second password',
      old_password: 'first password',
    });
    expect([changed.status, changed.text]).toEqual([200, '']);
    expect((await carol.get('/api/pool')).status).toBe(401);
    expect((await controller.client().login('carol', 'first password')).status).toBe(401);
    expect((await controller.client().login('carol', 'second password')).status).toBe(200);
  });

  it('never shows or stores a password in clear', async () => {
    const admin = await controller.admin();
    const made = await admin.create('user', { name: 'dora', password: 'dora password' });
    expect(made).not.toHaveProperty('password');
    const rows = await controller.running.app
      .get(DataSource)
      .query(
        "SELECT (SELECT string_agg(spec::text, '') FROM object) || (SELECT string_agg(e::text, '') FROM event e) || (SELECT string_agg(password_hash, '') FROM user_credential) AS everything",
      );
    expect(JSON.stringify(rows)).not.toContain('dora password');
    expect(JSON.stringify(rows)).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
  });
});
