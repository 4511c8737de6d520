import { Body, Controller, Get, HttpCode, Put, Req } from '@nestjs/common';
import { redact } from '@spillway/model';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiError, errors } from '../errors.js';
import { ObjectCache, ObjectStore, type Spec, type StoredObject } from '../store/index.js';
import { fieldErrors, FieldReport } from '../rest/field-report.js';
import { ObjectWriter } from '../rest/object-writer.js';
import { Authenticator } from './authenticator.js';
import { contextOf } from './request.js';

const Change = z.object({
  name: z.string().max(256).optional(),
  username: z.string().max(256).optional(),
  full_name: z.string().max(256).optional(),
  email: z.string().max(256).optional(),
  password: z.string().max(1024).optional(),
  old_password: z.string().max(1024).optional(),
});

/** One's own account: everybody may read it, and change the password with the old one. */
@Controller('api/useraccount')
export class AccountController {
  constructor(
    private readonly cache: ObjectCache,
    private readonly store: ObjectStore,
    private readonly writer: ObjectWriter,
    private readonly authenticator: Authenticator,
  ) {}

  @Get()
  read(@Req() request: FastifyRequest): Spec {
    const user = this.own(request);
    const { full_name, email } = user.spec;
    return {
      uuid: user.uuid,
      name: user.name,
      username: user.spec['username'] ?? user.name,
      ...(full_name === undefined ? {} : { full_name }),
      ...(email === undefined ? {} : { email }),
      local: true,
    };
  }

  /** Answers 200 with an empty body, as clients expect. */
  @Put()
  @HttpCode(200)
  async change(@Body() body: unknown, @Req() request: FastifyRequest): Promise<string> {
    const sent = Change.safeParse(body ?? {});
    if (!sent.success)
      throw errors.badRequest('FIELD_INVALID', 'An account has full_name, email, password and old_password.');
    const { password, old_password, full_name, email } = sent.data;
    const user = this.own(request);
    if (password !== undefined) {
      if (old_password === undefined)
        throw fieldErrors([
          {
            code: 'required',
            field: 'old_password',
            message: 'Field check for old_password failed : a new password needs the old one',
          },
        ]);
      await this.checkOld(user, old_password, request.ip);
    }
    const writing = {
      userName: user.name,
      tenantUuid: user.tenantUuid,
      strict: false,
      report: new FieldReport(),
      allow: () => undefined,
    };
    const changed = {
      ...redact('user', user.spec),
      ...(full_name === undefined ? {} : { full_name }),
      ...(email === undefined ? {} : { email }),
      ...(password === undefined ? {} : { password }),
    };
    const read = await this.writer.read('user', changed, writing, user);
    await this.store.transaction((tx) => this.writer.replace(tx, user.uuid, read, writing));
    return '';
  }

  private async checkOld(user: StoredObject, password: string, address: string): Promise<void> {
    try {
      await this.authenticator.byPassword(user.name, password, address);
    } catch (err) {
      if (err instanceof ApiError && err.status === 401)
        throw new ApiError(
          403,
          'PASSWORD_WRONG',
          'old_password is not the present password.',
          {},
          { cause: err },
        );
      throw err;
    }
  }

  private own(request: FastifyRequest): StoredObject {
    const user = this.cache.get(contextOf(request).principal.uuid);
    if (!user) throw errors.unauthenticated();
    return user;
  }
}
