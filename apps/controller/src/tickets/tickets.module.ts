import { Global, Module } from '@nestjs/common';
import { OcspService } from '../ocsp/ocsp.service.js';
import { ObjectReader } from '../rest/object-reader.js';
import { RotateController } from './rotate.controller.js';
import { TicketSecretsService } from './ticket-secrets.service.js';

/** What SEs need for TLS beside objects: secrets of session tickets, OCSP responses. */
@Global()
@Module({
  controllers: [RotateController],
  providers: [ObjectReader, OcspService, TicketSecretsService],
  exports: [TicketSecretsService],
})
export class TicketsModule {}
