import { Body, Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.js';
import { contextOf } from '../identity/request.js';
import { parseDocument, type ConfigurationDocument } from './document.js';
import { ExportService } from './export.service.js';
import { RestoreService, type RestoreReport } from './restore.service.js';
import { SHORTEST_PASSPHRASE } from './sealed-part.js';

/** All configuration, out and in. For superusers: it is that of every tenant. */
@Controller('api/configuration')
export class TransferController {
  constructor(
    private readonly exports: ExportService,
    private readonly restores: RestoreService,
  ) {}

  /** Without secrets. */
  @Get('export')
  plain(@Req() request: FastifyRequest): Promise<ConfigurationDocument> {
    refuseOthers(request);
    return this.exports.export(undefined);
  }

  /** With secrets, sealed by the passphrase, which stays out of URLs this way. */
  @Post('export')
  @HttpCode(200)
  sealed(@Body() body: unknown, @Req() request: FastifyRequest): Promise<ConfigurationDocument> {
    refuseOthers(request);
    return this.exports.export(passphraseOf(body));
  }

  @Post('restore')
  @HttpCode(200)
  restore(@Body() body: unknown, @Req() request: FastifyRequest): Promise<RestoreReport> {
    refuseOthers(request);
    return this.restores.restore(parseDocument(body), passphraseOf(body));
  }
}

function refuseOthers(request: FastifyRequest): void {
  if (!contextOf(request).principal.superuser)
    throw errors.forbidden('Only a superuser exports or restores the whole configuration.');
}

function passphraseOf(body: unknown): string | undefined {
  const { passphrase } = (body ?? {}) as { passphrase?: unknown };
  if (passphrase === undefined) return undefined;
  if (typeof passphrase === 'string' && passphrase.length >= SHORTEST_PASSPHRASE) return passphrase;
  throw errors.badRequest(
    'FIELD_INVALID',
    `Field check for passphrase failed : it needs ${SHORTEST_PASSPHRASE} characters or more.`,
    { field: 'passphrase' },
  );
}
