import { Global, Module } from '@nestjs/common';
import { ObjectReader } from '../rest/object-reader.js';
import { RotateController } from './rotate.controller.js';
import { TicketSecretsService } from './ticket-secrets.service.js';

/** Secrets of session tickets, and what SEs get of secrets at all. */
@Global()
@Module({
  controllers: [RotateController],
  providers: [ObjectReader, TicketSecretsService],
  exports: [TicketSecretsService],
})
export class TicketsModule {}
