import { Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import { ObjectReader } from '../rest/object-reader.js';
import { TicketSecretsService } from './ticket-secrets.service.js';

/**
 * Rotates the keys of session tickets by hand, after one of them may have become known. All virtual services' keys
 * are made of the same secrets, so this rotates all of them: a matter for superusers.
 */
@Controller('api/virtualservice')
export class RotateController {
  constructor(
    private readonly objects: ObjectReader,
    private readonly tickets: TicketSecretsService,
  ) {}

  @Post(':uuid/rotatekeys')
  @HttpCode(200)
  async rotate(@Param('uuid') uuid: string, @Req() request: FastifyRequest): Promise<{ status: string }> {
    const context = contextOf(request);
    const vs = this.objects.find('virtualservice', uuid, context);
    context.require('virtualservice', 'write', vs.tenantUuid);
    if (!context.principal.superuser)
      throw errors.forbidden(
        `User ${context.principal.name} may not rotate the keys of session tickets: they are those of every virtual service, which takes a superuser.`,
      );
    await this.tickets.rotate();
    return { status: 'rotated' };
  }
}
