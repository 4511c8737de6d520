import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Checks of one monitor on one server of one pool that passed and failed within one span of time, over all SEs. */
@Entity({ name: 'monitor_count' })
@Index(['span', 'bucket'])
export class MonitorCount {
  @PrimaryColumn({ type: 'text' }) pool_uuid!: string;
  /** `address:port`, IPv6 in brackets. */
  @PrimaryColumn({ type: 'text' }) server!: string;
  @PrimaryColumn({ type: 'text' }) health_monitor_uuid!: string;
  /** Seconds that the row stands for. */
  @PrimaryColumn({ type: 'integer' }) span!: number;
  /** When they began; whole spans since 1970. */
  @PrimaryColumn({ type: 'timestamptz' }) bucket!: Date;
  @Column({ type: 'bigint', default: 0 }) passed!: string;
  @Column({ type: 'bigint', default: 0 }) failed!: string;
}
