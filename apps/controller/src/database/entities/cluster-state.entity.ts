import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One row: what is true of the whole cluster. */
@Entity({ name: 'cluster_state' })
export class ClusterState {
  @PrimaryColumn({ type: 'int', default: 1 }) id!: number;
  @Column({ type: 'text' }) cluster_uuid!: string;
  /** Raised by a restore: SEs refuse snapshots of a lower epoch. */
  @Column({ type: 'bigint', default: 1 }) epoch!: string;
  @Column({ type: 'bigint', default: 0 }) generation!: string;
  /** The CA's certificate, and its key sealed with the cluster's secret key. */
  @Column({ type: 'text', nullable: true }) ca_certificate_pem!: string | null;
  @Column({ type: 'bytea', nullable: true }) ca_key_sealed!: Buffer | null;
}
