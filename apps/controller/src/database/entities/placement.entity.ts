import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

export type DesiredPlacement = 'prepare' | 'active' | 'drain';
export type ObservedPlacement = 'pending' | 'prepared' | 'active' | 'draining' | 'drained' | 'failed';

/** One virtual service's VIP on one SE: what is wanted, and what the SE says of it. */
@Entity({ name: 'placement' })
@Index('placement_unique', ['vs_uuid', 'vip_id', 'se_uuid'], { unique: true })
@Index(['se_uuid'])
export class PlacementRow {
  @PrimaryGeneratedColumn('uuid') id!: string;
  @Column({ type: 'text' }) vs_uuid!: string;
  @Column({ type: 'text' }) vip_id!: string;
  @Column({ type: 'text' }) se_uuid!: string;
  @Column({ type: 'boolean', default: false }) primary!: boolean;
  @Column({ type: 'text' }) desired!: DesiredPlacement;
  /** Milliseconds a drain may take. */
  @Column({ type: 'int', default: 30_000 }) drain_timeout!: number;
  /** Raised each time the role of the SE in this placement changes hands. */
  @Column({ type: 'bigint', default: 1 }) epoch!: string;
  @Column({ type: 'text', default: 'pending' }) observed!: ObservedPlacement;
  @Column({ type: 'text', default: '' }) code!: string;
  @Column({ type: 'text', default: '' }) reason!: string;
  @Column({ type: 'text', default: '' }) holder!: string;
  @Column({ type: 'bigint', default: 0 }) connections_left!: string;
  @Column({ type: 'bigint', default: 0 }) connections_reset!: string;
  /** When `desired` changed last: a drain runs from here. */
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) desired_at!: Date;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) created_at!: Date;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) changed_at!: Date;
}
