import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * What changed, in the order of commit: the id is taken under an advisory lock inside the transaction of the write.
 * Its id is the generation of that change. Rows are kept for a while so that a replica that was away catches up;
 * one that was away longer reads everything.
 */
@Entity({ name: 'outbox' })
export class OutboxRow {
  @PrimaryColumn({ type: 'bigint' }) id!: string;
  @Column({ type: 'text' }) kind!: string;
  @Column({ type: 'text' }) uuid!: string;
  @Column({ type: 'text' }) change!: 'created' | 'updated' | 'deleted';
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) at!: Date;
}
