import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What an SE had counted of a pool's request queue when its counters were cleared: it is taken off what is shown. */
@Entity({ name: 'queue_base' })
export class QueueBase {
  @PrimaryColumn({ type: 'text' }) pool_uuid!: string;
  @PrimaryColumn({ type: 'text' }) se_uuid!: string;
  /** The life of the agent whose counts they are: those of the next one begin at nothing. */
  @Column({ type: 'text' }) boot_id!: string;
  @Column({ type: 'jsonb' }) totals!: Record<string, number>;
}
