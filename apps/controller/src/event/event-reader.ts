import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { EventRow } from '../database/entities/index.js';
import type { EventQuery, Operator } from './event-query.js';

/** The tenants whose events are seen; `every` for all. Events of no tenant belong to `admin`. */
export type EventTenants = readonly string[] | 'every';

const like = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

type ToSql = (column: string, value: string, add: (value: unknown) => string) => string;

const SQL: Readonly<Record<Operator, ToSql>> = {
  eq: (column, value, add) => `${column} = ${add(value)}`,
  ne: (column, value, add) => `${column} <> ${add(value)}`,
  co: (column, value, add) => `${column} ILIKE ${add(`%${like(value)}%`)}`,
  nc: (column, value, add) => `${column} NOT ILIKE ${add(`%${like(value)}%`)}`,
  sw: (column, value, add) => `${column} ILIKE ${add(`${like(value)}%`)}`,
  in: (column, value, add) => `${column} = ANY(${add(value.split(','))})`,
};

/** Reads events, newest first unless asked otherwise. */
@Injectable()
export class EventReader {
  constructor(private readonly dataSource: DataSource) {}

  async page(query: EventQuery, tenants: EventTenants): Promise<{ count: number; rows: EventRow[] }> {
    const values: unknown[] = [];
    const add = (value: unknown) => `$${values.push(value)}`;
    const where = query.conditions.map((c) => SQL[c.operator](c.column, c.value, add));
    if (query.from !== undefined) where.push(`at >= ${add(query.from)}`);
    if (query.to !== undefined) where.push(`at <= ${add(query.to)}`);
    if (query.search !== undefined && query.search !== '') {
      const text = add(`%${like(query.search)}%`);
      where.push(`(event_id ILIKE ${text} OR obj_name ILIKE ${text} OR description ILIKE ${text})`);
    }
    if (tenants !== 'every') where.push(`coalesce(nullif(tenant_uuid, ''), 'admin') = ANY(${add(tenants)})`);
    const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;
    const order = query.ascending ? 'ASC' : 'DESC';
    const [{ count }]: [{ count: string }] = await this.dataSource.query(
      `SELECT count(*) AS count FROM event ${condition}`,
      values,
    );
    const rows: EventRow[] = await this.dataSource.query(
      `SELECT * FROM event ${condition} ORDER BY at ${order}, id ${order}
       LIMIT ${query.pageSize} OFFSET ${(query.page - 1) * query.pageSize}`,
      values,
    );
    return { count: Number(count), rows };
  }

  /** Keeps the history bounded. */
  async prune(days: number): Promise<void> {
    await this.dataSource.query('DELETE FROM event WHERE at < now() - make_interval(days => $1)', [days]);
  }
}
