import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The password of a user, apart from the object so that no reply or export can carry it by accident. */
@Entity({ name: 'user_credential' })
export class UserCredential {
  @PrimaryColumn({ type: 'text' }) user_uuid!: string;
  /** Argon2id in the PHC string format. */
  @Column({ type: 'text' }) password_hash!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) changed_at!: Date;
}
