import { Injectable } from '@nestjs/common';
import { OPERATIONS } from '@spillway/placement';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import type { Operation } from '../database/entities/index.js';
import { ApiError, errors } from '../errors.js';
import { ObjectCache } from '../store/index.js';
import { seOf } from './action-input.js';
import { OperationRunner } from './operation-runner.js';
import { OperationStore, paramsOf } from './operation.store.js';

const Answer = z.object({ to_se_ref: z.string().min(1).optional(), retry: z.boolean().optional() });

/** What a user may do to an operation: cancel it, or answer what it asks. */
@Injectable()
export class OperationAdmin {
  constructor(
    private readonly dataSource: DataSource,
    private readonly operations: OperationStore,
    private readonly runner: OperationRunner,
    private readonly cache: ObjectCache,
  ) {}

  /** Refused when the operation has ended, or when what is left only ends what has begun. */
  cancel(uuid: string): Promise<Operation> {
    return this.change(uuid, (op) => {
      const step = OPERATIONS[op.type].steps.find((s) => s.name === op.step);
      if (step?.final === true)
        throw new ApiError(
          409,
          'TOO_LATE',
          `Operation ${uuid} is at step ${op.step} and cannot be cancelled any more: it ends by itself.`,
        );
      op.cancel_requested = true;
    });
  }

  /** `{to_se_ref}` names the service engine to use; `{retry: true}` looks again at once. */
  answer(uuid: string, body: unknown): Promise<Operation> {
    const parsed = Answer.safeParse(body ?? {});
    if (!parsed.success || (parsed.data.to_se_ref === undefined && parsed.data.retry !== true))
      throw errors.badRequest(
        'FIELD_REQUIRED',
        'An answer needs to_se_ref, the service engine to use, or retry: true to look again now.',
        { field: 'to_se_ref' },
      );
    const { to_se_ref: to } = parsed.data;
    return this.change(uuid, (op) => {
      if (op.state !== 'waiting')
        throw new ApiError(409, 'NOT_WAITING', `Operation ${uuid} is ${op.state} and asks nothing.`);
      const params = paramsOf(op);
      if (to !== undefined) {
        const se = seOf(to, this.cache);
        if (this.cache.get(se)?.kind !== 'serviceengine')
          throw errors.badRequest('UNKNOWN_SE', `There is no service engine ${to}.`, { field: 'to_se_ref' });
        params.to_se_uuid = se;
        params.to_named = true;
        delete params.to_new_se;
      }
      delete params.tried;
      op.answer = { ...parsed.data };
      op.next_retry = new Date();
    });
  }

  private async change(uuid: string, how: (op: Operation) => void): Promise<Operation> {
    const op = await this.dataSource.transaction(async (manager) => {
      const row = await this.operations.lock(manager, uuid);
      if (row === undefined) throw errors.notFound('Operation');
      if (row.ended_at !== null)
        throw new ApiError(409, 'ENDED', `Operation ${uuid} has ended: it is ${row.state}.`);
      how(row);
      await this.operations.save(manager, row);
      return row;
    });
    this.runner.wake(uuid);
    return op;
  }
}
