import { Body, Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiError, errors } from '../errors.js';
import { FailureLimiter, type Limit } from '../identity/rate-limit.js';
import { contextOf, Needs, Public } from '../identity/request.js';
import { PkiService } from '../pki/index.js';
import { resolveReference } from '../rest/resolve-reference.js';
import { ADMIN_TENANT, ObjectCache, type StoredObject } from '../store/index.js';
import { type Enrolled, EnrolmentService } from './enrolment.service.js';

/** Failed attempts from one address; those that succeed do not count. */
const PER_ADDRESS: Limit = { failures: 20, windowMs: 60_000 };
const HOUR = 3_600;

const Enrol = z.object({
  token: z.string().max(512),
  csr_pem: z.string().max(16_384),
  se_name: z.string().max(256).default(''),
});

const Renew = z.object({ se_uuid: z.string().max(128), csr_pem: z.string().max(16_384) });

const Token = z.object({
  se_group_ref: z.string().max(1024).default('Default-Group'),
  cloud_ref: z.string().max(1024).default('Default-Cloud'),
  name: z.string().max(256).default(''),
  /** Seconds. */
  ttl: z
    .int()
    .min(10)
    .max(30 * 24 * HOUR)
    .default(HOUR),
});

/** Enrolment of SEs; see docs/architecture.md. */
@Controller('api/se-enrolment')
export class EnrolmentController {
  private readonly limiter = new FailureLimiter();

  constructor(
    private readonly enrolment: EnrolmentService,
    private readonly pki: PkiService,
    private readonly cache: ObjectCache,
  ) {}

  @Public()
  @Get('ca')
  async ca(): Promise<{ ca_pem: string }> {
    return { ca_pem: await this.pki.caPem() };
  }

  @Public()
  @Post()
  @HttpCode(200)
  enrol(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Enrolled> {
    const sent = parsed(Enrol, body);
    return this.limited(request.ip, () =>
      this.enrolment.enrol({ token: sent.token, csrPem: sent.csr_pem, seName: sent.se_name }),
    );
  }

  @Public()
  @Post('renew')
  @HttpCode(200)
  renew(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Enrolled> {
    const sent = parsed(Renew, body);
    return this.limited(request.ip, () => this.enrolment.renew(sent.se_uuid, sent.csr_pem));
  }

  @Needs('serviceengine', 'write')
  @Post('token')
  @HttpCode(201)
  async token(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<{ token: string; expires_at: string }> {
    const sent = parsed(Token, body ?? {});
    const tenantUuid = contextOf(request).tenantUuid;
    const cloud = this.found(sent.cloud_ref, 'cloud', 'cloud_ref', tenantUuid);
    const group = this.found(sent.se_group_ref, 'serviceenginegroup', 'se_group_ref', tenantUuid, cloud.uuid);
    const { token, expiresAt } = await this.enrolment.createToken({
      seGroupUuid: group.uuid,
      cloudUuid: cloud.uuid,
      name: sent.name,
      ttl: sent.ttl * 1000,
    });
    return { token, expires_at: expiresAt.toISOString() };
  }

  private found(
    text: string,
    kind: string,
    field: string,
    tenantUuid: string,
    cloudUuid?: string,
  ): StoredObject {
    const visible = (o: StoredObject): boolean =>
      o.tenantUuid === tenantUuid || o.tenantUuid === ADMIN_TENANT;
    const result = resolveReference(text, kind, { tenantUuid, cloudUuid }, this.cache, visible);
    if ('found' in result) return result.found;
    throw errors.badRequest('REFERENCE_INVALID', `${field} "${text}" names no ${kind} that you can use.`);
  }

  private async limited<T>(address: string, attempt: () => Promise<T>): Promise<T> {
    const wait = this.limiter.wait(address, PER_ADDRESS);
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1000);
      throw errors.tooManyRequests(`Too many failed enrolments. Try again in ${seconds} s.`, seconds);
    }
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.limiter.failed(address, PER_ADDRESS);
      if ((error as { code?: unknown }).code === 'CERTIFICATE_REQUEST_INVALID')
        throw errors.badRequest('CERTIFICATE_REQUEST_INVALID', (error as Error).message);
      throw error;
    }
  }
}

function parsed<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw errors.badRequest(
    'FIELD_INVALID',
    `${issue?.path.join('.') ?? 'body'}: ${issue?.message ?? 'is not valid'}`,
  );
}
