import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** Something that happened; ids are those of the published API (system events, CONFIG_*, USER_*). */
@Entity({ name: 'event' })
@Index(['obj_uuid', 'at'])
@Index(['at'])
export class EventRow {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) at!: Date;
  @Column({ type: 'text' }) event_id!: string;
  @Column({ type: 'text', default: '' }) obj_type!: string;
  @Column({ type: 'text', default: '' }) obj_uuid!: string;
  @Column({ type: 'text', default: '' }) obj_name!: string;
  @Column({ type: 'text', default: '' }) tenant_uuid!: string;
  @Column({ type: 'text', default: '' }) user_name!: string;
  @Column({ type: 'text', default: '' }) description!: string;
  @Column({ type: 'jsonb', default: {} }) details!: Record<string, unknown>;
}
