import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Lets one SE enrol once. Only the hash of the secret is stored. */
@Entity({ name: 'enrolment_token' })
export class EnrolmentToken {
  @PrimaryColumn({ type: 'text' }) token_hash!: string;
  @Column({ type: 'text' }) se_group_uuid!: string;
  @Column({ type: 'text' }) cloud_uuid!: string;
  /** The name the SE gets; empty: it brings its own. */
  @Column({ type: 'text', default: '' }) se_name!: string;
  /** Set where the controller made the SE's object before. */
  @Column({ type: 'text', default: '' }) se_uuid!: string;
  @Column({ type: 'timestamptz' }) expires_at!: Date;
  @Column({ type: 'timestamptz', nullable: true }) used_at!: Date | null;
}
