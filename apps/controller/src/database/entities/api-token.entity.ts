import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A token of `POST /api/user-token`. Only its hash is stored. */
@Entity({ name: 'api_token' })
export class ApiToken {
  @PrimaryColumn({ type: 'text' }) token_hash!: string;
  @Index() @Column({ type: 'text' }) user_uuid!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) created_at!: Date;
  @Column({ type: 'timestamptz' }) expires_at!: Date;
}
