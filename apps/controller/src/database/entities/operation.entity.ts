import type { OperationType } from '@spillway/placement';
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

export type { OperationType };

export type OperationState = 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled';

export interface OperationStep {
  name: string;
  state: 'pending' | 'running' | 'done' | 'failed' | 'undone' | 'skipped';
  started_at?: string;
  ended_at?: string;
  detail?: string;
}

/** Something that takes time, with its steps; any replica carries it on from the row. */
@Entity({ name: 'operation' })
@Index(['subject_uuid'])
@Index(['state'])
// One at a time for a VIP of a virtual service, and for an SE (whose vip_id is empty).
@Index('operation_one_at_a_time', ['subject_uuid', 'vip_id'], { unique: true, where: 'ended_at IS NULL' })
export class Operation {
  /** `operation-<uuid4>`. */
  @PrimaryColumn({ type: 'text' }) uuid!: string;
  @Column({ type: 'text' }) type!: OperationType;
  /** The virtual service or SE it is about. */
  @Column({ type: 'text' }) subject_uuid!: string;
  @Column({ type: 'text', default: '' }) subject_name!: string;
  @Column({ type: 'text', default: '' }) tenant_uuid!: string;
  @Column({ type: 'text', default: '' }) vip_id!: string;
  /** What was asked for, and what was chosen on the way (from_se_uuid, to_se_uuid ...). */
  @Column({ type: 'jsonb', default: {} }) params!: Record<string, unknown>;
  @Column({ type: 'text' }) state!: OperationState;
  @Column({ type: 'text', default: '' }) step!: string;
  @Column({ type: 'jsonb', default: [] }) steps!: OperationStep[];
  /** 0 to 100. */
  @Column({ type: 'int', default: 0 }) progress!: number;
  /** "Currently scaling out", and what it waits for. */
  @Column({ type: 'text', default: '' }) text!: string;
  @Column({ type: 'text', default: '' }) error_code!: string;
  @Column({ type: 'text', default: '' }) error!: string;
  /** What the operator is asked for while `waiting`: `{ code, text, fields }`. */
  @Column({ type: 'jsonb', nullable: true }) question!: Record<string, unknown> | null;
  @Column({ type: 'jsonb', nullable: true }) answer!: Record<string, unknown> | null;
  @Column({ type: 'boolean', default: false }) cancel_requested!: boolean;
  @Column({ type: 'int', default: 0 }) attempts!: number;
  @Column({ type: 'timestamptz', nullable: true }) next_retry!: Date | null;
  @Column({ type: 'text', default: '' }) requested_by!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) created_at!: Date;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) changed_at!: Date;
  @Column({ type: 'timestamptz', nullable: true }) ended_at!: Date | null;
}
