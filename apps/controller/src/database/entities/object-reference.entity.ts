import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Who refers to whom: delete in use is refused, and `refers_to` queries are one join. */
@Entity({ name: 'object_reference' })
@Index(['to_uuid'])
export class ObjectReference {
  @PrimaryColumn({ type: 'text' }) from_uuid!: string;
  /** Dotted path of the field, with indices, such as `health_monitor_refs.0`. */
  @PrimaryColumn({ type: 'text' }) path!: string;
  @Column({ type: 'text' }) from_kind!: string;
  @Column({ type: 'text' }) to_uuid!: string;
  @Column({ type: 'text' }) to_kind!: string;
}
