import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { errors } from '../errors.js';
import { EventService } from '../event/index.js';
import { baseOf } from '../rest/base-url.js';
import { show } from '../rest/representation.js';
import { ADMIN_TENANT, ObjectCache, type StoredObject } from '../store/index.js';
import { versionInfo } from '../version.js';
import { Authenticator } from './authenticator.js';
import { clearedCookies, sessionCookies, sessionIds } from './cookies.js';
import { principalOf } from './principal.js';
import { contextOf, Public } from './request.js';
import { SessionService } from './session.service.js';

const Login = z.object({
  username: z.string().max(256).optional(),
  password: z.string().max(1024).optional(),
  token: z.string().max(256).optional(),
});

const TokenRequest = z.object({
  hours: z.coerce
    .number()
    .positive()
    .max(24 * 365)
    .default(1),
});

const AS_IS = { includeName: false, skipDefault: false, fields: undefined, joinRuntime: false } as const;

@Controller()
export class LoginController {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly sessions: SessionService,
    private readonly cache: ObjectCache,
    private readonly events: EventService,
  ) {}

  /** Form or JSON; `username` with `password` or with `token`, or a token alone. */
  @Public()
  @Post('login')
  @HttpCode(200)
  async login(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const sent = Login.safeParse(body ?? {});
    if (!sent.success)
      throw errors.badRequest('LOGIN_INVALID', 'A login has username and password, or a token.');
    const { username = '', password, token } = sent.data;
    const user =
      token !== undefined && token !== ''
        ? await this.authenticator.byToken(token, request.ip, username)
        : await this.authenticator.byPassword(username, password ?? '', request.ip);
    const session = await this.sessions.open(user.uuid);
    void reply.header('Set-Cookie', sessionCookies(session.id, session.csrfToken));
    this.note('USER_LOGIN', user, request.ip);
    return this.welcome(user, baseOf(request));
  }

  @Public()
  @Post('logout')
  @HttpCode(200)
  async logout(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const ids = sessionIds(request.headers.cookie);
    const user = this.cache.get((await this.sessions.use(ids))?.session.user_uuid ?? '');
    await this.sessions.close(ids);
    if (user) this.note('USER_LOGOUT', user, request.ip);
    void reply.header('Set-Cookie', clearedCookies());
    return {};
  }

  /** A token for the user who asks, good for so many hours. */
  @Post('api/user-token')
  @HttpCode(200)
  async token(@Body() body: unknown, @Req() request: FastifyRequest): Promise<unknown> {
    const sent = TokenRequest.safeParse(body ?? {});
    if (!sent.success)
      throw errors.badRequest(
        'FIELD_INVALID',
        'hours is a number above 0 and at most 8760; leave it out for 1.',
      );
    const { principal } = contextOf(request);
    const { token, expiresAt } = await this.sessions.issueToken(principal.uuid, sent.data.hours);
    return { token, expires_at: expiresAt.toISOString(), username: principal.name };
  }

  private note(eventId: 'USER_LOGIN' | 'USER_LOGOUT', user: StoredObject, address: string): void {
    this.events.note({
      eventId,
      kind: 'user',
      objUuid: user.uuid,
      objName: user.name,
      tenantUuid: ADMIN_TENANT,
      userName: user.name,
      description: `User ${user.name} logged ${eventId === 'USER_LOGIN' ? 'in' : 'out'} from ${address}`,
      details: { client_ip: address },
    });
  }

  /** The body that clients of the published API read after a login. */
  private welcome(user: StoredObject, base: string): Record<string, unknown> {
    const principal = principalOf(user, this.cache);
    const tenants = [...this.cache.byKind('tenant')].filter((tenant) => principal.enters(tenant.uuid));
    const [system] = this.cache.byKind('systemconfiguration');
    return {
      user_initialized: true,
      version: versionInfo(),
      user: { ui_property: '', ...show(user, this.cache, { ...AS_IS, base }) },
      tenants: tenants.map((tenant) => ({
        url: `${base}/api/tenant/${tenant.uuid}`,
        uuid: tenant.uuid,
        name: tenant.name,
        local: tenant.spec['local'] ?? true,
      })),
      system_config: system ? show(system, this.cache, { ...AS_IS, base }) : {},
      controller: { api_idle_timeout: this.sessions.idleMinutes() },
      session_cookie_name: 'avi-sessionid',
    };
  }
}
