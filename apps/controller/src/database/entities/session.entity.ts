import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A login. Only the hash of the session id is stored. */
@Entity({ name: 'session' })
export class Session {
  @PrimaryColumn({ type: 'text' }) id_hash!: string;
  @Column({ type: 'text' }) csrf_token!: string;
  @Index() @Column({ type: 'text' }) user_uuid!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) created_at!: Date;
  @Column({ type: 'timestamptz' }) last_used_at!: Date;
  @Column({ type: 'timestamptz' }) expires_at!: Date;
}
