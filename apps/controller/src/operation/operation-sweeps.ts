import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Reconciler } from '../placement/reconciler.js';
import { QueueService } from '../queue/queue.service.js';
import { OperationRunner } from './operation-runner.js';
import { OperationStore } from './operation.store.js';

const SWEEP_MS = 30_000;
const HOUR_MS = 3_600_000;
const HISTORY_DAYS = 30;
const HISTORY_ROWS = 10_000;

/**
 * Looks of the whole cluster, one replica at a time. Each replica looks by itself too, more often: an operation goes on
 * also while the queue is away.
 */
@Injectable()
export class OperationSweeps implements OnModuleInit {
  constructor(
    private readonly queue: QueueService,
    private readonly runner: OperationRunner,
    private readonly reconciler: Reconciler,
    private readonly operations: OperationStore,
  ) {}

  onModuleInit(): void {
    this.queue.sweep('operations', SWEEP_MS, () => {
      this.runner.sweep();
      this.reconciler.wake();
      return Promise.resolve();
    });
    this.queue.sweep('operation-history', HOUR_MS, () => this.operations.prune(HISTORY_DAYS, HISTORY_ROWS));
  }
}
