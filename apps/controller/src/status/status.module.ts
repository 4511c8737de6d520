import { Module } from '@nestjs/common';
import { HealthService } from './health.service.js';
import { StatusBoard } from './status-board.js';
import { StatusServer } from './status.server.js';
import { StatusService } from './status.service.js';
import { Viewers } from './viewer.js';

/** Status for outsiders over gRPC; see docs/architecture.md. */
@Module({ providers: [StatusBoard, Viewers, HealthService, StatusService, StatusServer] })
export class StatusModule {}
