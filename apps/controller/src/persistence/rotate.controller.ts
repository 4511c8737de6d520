import { Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import { ObjectReader } from '../rest/object-reader.js';
import { CookieKeysService } from './cookie-keys.service.js';

const KIND = 'applicationpersistenceprofile';

/** Rotates the keys of one profile's cookies by hand. Cookies made with the keys before are taken as long as those last. */
@Controller(`api/${KIND}`)
export class RotateCookieKeysController {
  constructor(
    private readonly objects: ObjectReader,
    private readonly keys: CookieKeysService,
  ) {}

  @Post(':uuid/rotatekeys')
  @HttpCode(200)
  async rotate(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<{ status: string }> {
    const context = contextOf(request);
    const profile = this.objects.find(KIND, uuid, context);
    context.require(KIND, 'write', profile.tenantUuid);
    if (profile.spec['persistence_type'] !== 'PERSISTENCE_TYPE_HTTP_COOKIE')
      throw errors.badRequest(
        'FIELD_INVALID',
        `Field check for persistence_type failed : ${String(profile.spec['persistence_type'])} has no keys. Rotate the keys of a profile with PERSISTENCE_TYPE_HTTP_COOKIE.`,
        { field: 'persistence_type' },
      );
    await this.keys.rotate(profile.uuid);
    return { status: 'rotated' };
  }
}
