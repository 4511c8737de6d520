import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { OPERATIONS } from '@spillway/placement';
import { DataSource, IsNull, type EntityManager } from 'typeorm';
import { Operation } from '../database/entities/index.js';
import type { NewOperation, OperationParams } from './operation.types.js';

/** The channel of `NOTIFY`: `<operation uuid> <origin>`. */
export const OPERATION_CHANNEL = 'spillway_operation';

/** Rows of operations. An operation is active until `ended_at` is set. */
@Injectable()
export class OperationStore {
  /** Names this process in notifications, so that it does not wake itself. */
  readonly origin = randomUUID();

  constructor(private readonly dataSource: DataSource) {}

  /** A new operation; undefined when one is active on the same VIP or SE. */
  async insert(manager: EntityManager, wish: NewOperation): Promise<Operation | undefined> {
    const definition = OPERATIONS[wish.type];
    const uuid = `operation-${randomUUID()}`;
    const steps = definition.steps.map((s) => ({ name: s.name, state: 'pending' }));
    const inserted: unknown[] = await manager.query(
      `INSERT INTO operation (uuid, type, subject_uuid, subject_name, tenant_uuid, vip_id, params, state, step, steps,
         text, requested_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       ON CONFLICT (subject_uuid, vip_id) WHERE ended_at IS NULL DO NOTHING RETURNING uuid`,
      [
        uuid,
        wish.type,
        wish.subjectUuid,
        wish.subjectName,
        wish.tenantUuid,
        wish.vipId ?? '',
        JSON.stringify(wish.params),
        'running',
        definition.steps[0]?.name ?? '',
        JSON.stringify(steps),
        definition.text,
        wish.requestedBy,
      ],
    );
    if (inserted.length === 0) return undefined;
    await this.notify(manager, uuid);
    return manager.findOneByOrFail(Operation, { uuid });
  }

  /** The row, locked until the transaction ends; undefined when it is gone. */
  async lock(manager: EntityManager, uuid: string, skipLocked = false): Promise<Operation | undefined> {
    const found = await manager.findOne(Operation, {
      where: { uuid },
      lock: skipLocked
        ? { mode: 'pessimistic_write', onLocked: 'skip_locked' }
        : { mode: 'pessimistic_write' },
    });
    return found ?? undefined;
  }

  async save(manager: EntityManager, row: Operation): Promise<void> {
    row.changed_at = new Date();
    await manager.save(Operation, row);
    await this.notify(manager, row.uuid);
  }

  find(uuid: string, manager: EntityManager = this.dataSource.manager): Promise<Operation | null> {
    return manager.findOneBy(Operation, { uuid });
  }

  /** What is active on a virtual service or SE. */
  activeOf(subjectUuid: string, manager: EntityManager = this.dataSource.manager): Promise<Operation[]> {
    return manager.findBy(Operation, { subject_uuid: subjectUuid, ended_at: IsNull() });
  }

  active(manager: EntityManager = this.dataSource.manager): Promise<Operation[]> {
    return manager.find(Operation, { where: { ended_at: IsNull() }, order: { created_at: 'ASC' } });
  }

  /** Wakes whoever watches or carries on this operation, on every replica, when the transaction commits. */
  async notify(manager: EntityManager, uuid: string): Promise<void> {
    await manager.query('SELECT pg_notify($1, $2)', [OPERATION_CHANNEL, `${uuid} ${this.origin}`]);
  }

  /** Keeps the history bounded: ended operations of the last `days`, at most `count`. */
  async prune(days: number, count: number): Promise<void> {
    await this.dataSource.query(
      `DELETE FROM operation WHERE ended_at < now() - make_interval(days => $1) OR (ended_at IS NOT NULL AND uuid NOT IN
         (SELECT uuid FROM operation WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT $2))`,
      [days, count],
    );
  }
}

export const paramsOf = (row: Operation): OperationParams => row.params;
