import { Module } from '@nestjs/common';
import { ExportService } from './export.service.js';
import { RestoreService } from './restore.service.js';
import { TransferController } from './transfer.controller.js';

@Module({ controllers: [TransferController], providers: [ExportService, RestoreService] })
export class TransferModule {}
