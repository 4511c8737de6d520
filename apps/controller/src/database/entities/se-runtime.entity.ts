import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What is known of an SE while it runs; its configuration is the object of kind `serviceengine`. */
@Entity({ name: 'se_runtime' })
export class SeRuntime {
  @PrimaryColumn({ type: 'text' }) se_uuid!: string;
  @Column({ type: 'boolean', default: false }) connected!: boolean;
  @Column({ type: 'text', default: 'OPER_DOWN' }) oper_state!: string;
  @Column({ type: 'text', default: '' }) oper_reason!: string;
  @Column({ type: 'text', default: '' }) boot_id!: string;
  /** The stream that the SE is attached by: who writes for an older one writes nothing. */
  @Column({ type: 'text', default: '' }) session_id!: string;
  @Column({ type: 'text', default: '' }) version!: string;
  /** Configuration that is live there. */
  @Column({ type: 'bigint', default: 0 }) epoch!: string;
  @Column({ type: 'bigint', default: 0 }) generation!: string;
  @Column({ type: 'jsonb', nullable: true }) last_nack!: Record<string, unknown> | null;
  /** Hello.host, modes and advice as they came. */
  @Column({ type: 'jsonb', default: {} }) host!: Record<string, unknown>;
  @Column({ type: 'jsonb', default: [] }) modes!: unknown[];
  @Column({ type: 'jsonb', default: [] }) advice!: unknown[];
  /** SHA-256 of the public key that the SE enrolled with: it proves itself by it after a long outage. */
  @Column({ type: 'text', default: '' }) public_key_fingerprint!: string;
  @Column({ type: 'text', default: '' }) certificate_serial!: string;
  @Column({ type: 'timestamptz', nullable: true }) certificate_not_after!: Date | null;
  /** Newest heartbeat, as it came. */
  @Column({ type: 'jsonb', nullable: true }) heartbeat!: Record<string, unknown> | null;
  @Column({ type: 'timestamptz', nullable: true }) last_seen!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) changed_at!: Date | null;
}
