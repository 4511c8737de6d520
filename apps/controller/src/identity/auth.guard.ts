import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, errors } from '../errors.js';
import { baseOf } from '../rest/base-url.js';
import type { TenantScope } from '../rest/visibility.js';
import { ADMIN_TENANT, ObjectCache, type StoredObject } from '../store/index.js';
import { Authenticator } from './authenticator.js';
import { sessionCookies, sessionIds } from './cookies.js';
import { principalOf, RequestContext, type Principal } from './principal.js';
import { NEEDS, PUBLIC, setContext, type Need } from './request.js';
import { sameText } from './secrets.js';
import { SessionService } from './session.service.js';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

const csrfFailed = (): ApiError => new ApiError(401, 'CSRF_FAILED', 'CSRF token missing or incorrect.');

/** Lets a request in: session cookie with CSRF token, bearer token, or HTTP Basic where that is allowed. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly cache: ObjectCache,
    private readonly sessions: SessionService,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const reply = execution.switchToHttp().getResponse<FastifyReply>();
    const targets = [execution.getHandler(), execution.getClass()];
    const open = this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, targets) === true;
    const user = await this.userOf(request, reply, open);
    if (!user) {
      if (open) return true;
      throw errors.unauthenticated();
    }
    const principal = principalOf(user, this.cache);
    const version = single(request.headers['x-avi-version']);
    const context = new RequestContext(
      principal,
      this.scopeOf(request, principal, user, open),
      baseOf(request),
      version,
    );
    const need = this.reflector.getAllAndOverride<Need | undefined>(NEEDS, targets);
    if (need) context.require(need.kind, need.access);
    setContext(request, context);
    return true;
  }

  private async userOf(
    request: FastifyRequest,
    reply: FastifyReply,
    open: boolean,
  ): Promise<StoredObject | undefined> {
    const [scheme = '', value = ''] = (request.headers.authorization ?? '').split(/\s+/, 2);
    if (/^(bearer|token)$/i.test(scheme)) return this.authenticator.byToken(value, request.ip);
    if (/^basic$/i.test(scheme) && this.basicAllowed()) return this.byBasic(value, request.ip);
    const used = await this.sessions.use(sessionIds(request.headers.cookie));
    if (!used) return undefined;
    const user = this.cache.get(used.session.user_uuid);
    if (!user || user.spec['is_active'] === false) return undefined;
    if (!SAFE.has(request.method) && !open) {
      const sent = single(request.headers['x-csrftoken']);
      if (sent === undefined || !sameText(sent, used.session.csrf_token)) throw csrfFailed();
    }
    if (used.renewed) void reply.header('Set-Cookie', sessionCookies(used.id, used.session.csrf_token));
    return user;
  }

  private byBasic(value: string, address: string): Promise<StoredObject> {
    const text = Buffer.from(value, 'base64').toString();
    const colon = text.indexOf(':');
    return this.authenticator.byPassword(text.slice(0, Math.max(colon, 0)), text.slice(colon + 1), address);
  }

  private basicAllowed(): boolean {
    for (const system of this.cache.byKind('systemconfiguration')) {
      const portal = system.spec['portal_configuration'] as
        | { allow_basic_authentication?: boolean }
        | undefined;
      return portal?.allow_basic_authentication === true;
    }
    return false;
  }

  /** `X-Avi-Tenant` (a name, or `*`), `X-Avi-Tenant-UUID`, or the same as query parameters; else the user's default. */
  private scopeOf(
    request: FastifyRequest,
    principal: Principal,
    user: StoredObject,
    open: boolean,
  ): TenantScope {
    const uuid = single(request.headers['x-avi-tenant-uuid']);
    const name = single(request.headers['x-avi-tenant']);
    if (name === '*' || uuid === '*') return { all: principal.tenants() };
    const found =
      uuid !== undefined
        ? this.cache.get(uuid)
        : name !== undefined
          ? this.cache.byName('tenant', name)[0]
          : undefined;
    if (uuid === undefined && name === undefined) return { uuid: this.defaultTenant(principal, user) };
    if (found?.kind === 'tenant' && principal.enters(found.uuid)) return { uuid: found.uuid };
    if (open) return { uuid: ADMIN_TENANT };
    if (found?.kind === 'tenant')
      throw errors.forbidden(`User ${principal.name} has no role in tenant ${found.name}.`);
    throw new ApiError(
      404,
      'TENANT_NOT_FOUND',
      `Tenant ${name ?? uuid ?? ''} does not exist. GET /api/tenant lists yours.`,
    );
  }

  private defaultTenant(principal: Principal, user: StoredObject): string {
    const wished = user.spec['default_tenant_ref'];
    if (typeof wished === 'string' && principal.enters(wished)) return wished;
    const tenants = principal.tenants();
    return tenants === 'every' ? ADMIN_TENANT : (tenants[0] ?? ADMIN_TENANT);
  }
}

const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;
