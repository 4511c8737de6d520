import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The scale of one VIP of a virtual service: SEs wanted = min_scaleout_per_vs + num_additional_se, at most the max. */
@Entity({ name: 'vs_scale' })
export class VsScale {
  @PrimaryColumn({ type: 'text' }) vs_uuid!: string;
  @PrimaryColumn({ type: 'text' }) vip_id!: string;
  /** The manual scale-out factor: +1 per scale out, -1 per scale in. */
  @Column({ type: 'int', default: 0 }) num_additional_se!: number;
  /** min_scaleout_per_vs, max_scaleout_per_vs and group that the factor was last reckoned with. */
  @Column({ type: 'jsonb', default: {} }) basis!: Record<string, unknown>;
}
