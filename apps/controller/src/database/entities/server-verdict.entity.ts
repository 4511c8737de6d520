import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** One SE's verdict on one server of one pool. */
@Entity({ name: 'server_verdict' })
@Index(['pool_uuid'])
export class ServerVerdict {
  @PrimaryColumn({ type: 'text' }) se_uuid!: string;
  @PrimaryColumn({ type: 'text' }) pool_uuid!: string;
  /** `address:port`, IPv6 in brackets. */
  @PrimaryColumn({ type: 'text' }) server!: string;
  @Column({ type: 'boolean' }) up!: boolean;
  @Column({ type: 'text', default: '' }) failure_code!: string;
  @Column({ type: 'text', default: '' }) failure_text!: string;
  @Column({ type: 'text', default: '' }) health_monitor_uuid!: string;
  @Column({ type: 'timestamptz' }) changed_at!: Date;
  /** What is wrong with the server's certificate, as the published API names it. */
  @Column({ type: 'text', default: '' }) ssl_error_code!: string;
}
