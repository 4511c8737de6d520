import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Operation } from '../database/entities/index.js';
import type { FieldFilter, ListQuery } from '../rest/list-query.js';

export interface OperationPage {
  readonly count: number;
  readonly results: readonly Operation[];
  readonly more: boolean;
}

/** Fields that a list may be filtered by, straight from the table. */
const COLUMNS = new Set(['uuid', 'type', 'state', 'subject_uuid', 'subject_name', 'vip_id', 'requested_by']);
const SORTABLE = new Set(['created_at', 'changed_at', 'ended_at', 'type', 'state', 'subject_name']);

const like = (text: string) => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

function condition(filter: FieldFilter, values: unknown[]): string | undefined {
  const column = filter.path.length === 1 ? filter.path[0] : undefined;
  if (column === undefined || !COLUMNS.has(column)) return undefined;
  const add = (value: unknown) => `$${values.push(value)}`;
  const sql =
    filter.operator === 'in'
      ? `${column} = ANY(${add(filter.value.split(','))})`
      : filter.operator === 'contains'
        ? `${column} LIKE ${add(`%${like(filter.value)}%`)}`
        : filter.operator === 'icontains'
          ? `${column} ILIKE ${add(`%${like(filter.value)}%`)}`
          : filter.operator === 'ne'
            ? `${column} <> ${add(filter.value)}`
            : `${column} = ${add(filter.value)}`;
  return filter.negated ? `NOT (${sql})` : sql;
}

/** Reads pages of operations, newest first unless asked otherwise. */
@Injectable()
export class OperationList {
  constructor(private readonly dataSource: DataSource) {}

  /** The newest ended operation of each VIP of a virtual service, or of an SE under the empty vip_id. */
  async lastOf(subjectUuid: string): Promise<Map<string, Operation>> {
    const rows = await this.dataSource.manager
      .createQueryBuilder(Operation, 'o')
      .distinctOn(['o.vip_id'])
      .where('o.subject_uuid = :subjectUuid AND o.ended_at IS NOT NULL', { subjectUuid })
      .orderBy('o.vip_id')
      .addOrderBy('o.ended_at', 'DESC')
      .getMany();
    return new Map(rows.map((op) => [op.vip_id, op]));
  }

  async page(query: ListQuery, sees: (op: Operation) => boolean): Promise<OperationPage> {
    const values: unknown[] = [];
    const where = query.filters.flatMap((f) => condition(f, values) ?? []);
    const order = query.sort
      .filter((s) => SORTABLE.has(s.path[0] ?? ''))
      .map((s) => `${s.path[0]} ${s.descending ? 'DESC' : 'ASC'}`);
    // The history is bounded, so that reading it whole is cheap.
    const rows: { uuid: string; tenant_uuid: string }[] = await this.dataSource.query(
      `SELECT uuid, tenant_uuid FROM operation ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
       ORDER BY ${[...order, 'created_at DESC', 'uuid'].join(', ')}`,
      values,
    );
    const mine = rows.filter((row) => sees(row as Operation));
    const limited = query.limit === undefined ? mine : mine.slice(0, query.limit);
    const start = (query.page - 1) * query.pageSize;
    const uuids = limited.slice(start, start + query.pageSize).map((r) => r.uuid);
    const found = await this.dataSource.manager
      .createQueryBuilder(Operation, 'o')
      .where('o.uuid = ANY(:uuids)', { uuids })
      .getMany();
    const byUuid = new Map(found.map((op) => [op.uuid, op]));
    return {
      count: limited.length,
      results: uuids.flatMap((uuid) => byUuid.get(uuid) ?? []),
      more: start + uuids.length < limited.length,
    };
  }
}
