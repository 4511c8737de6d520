import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A configuration object of any kind. `spec` is what the API stores and echoes, defaults included. */
@Entity({ name: 'object' })
@Index(['kind', 'name'])
@Index('object_unique_name', ['kind', 'tenant_uuid', 'scope_uuid', 'name'], { unique: true })
export class ConfigObject {
  /** `<kind>-<uuid4>`, or the fixed uuid of a seeded object. */
  @PrimaryColumn({ type: 'text' }) uuid!: string;
  @Column({ type: 'text' }) kind!: string;
  @Column({ type: 'text' }) tenant_uuid!: string;
  /** The cloud for kinds whose names are unique per cloud, else empty: part of the unique name. */
  @Column({ type: 'text', default: '' }) scope_uuid!: string;
  @Column({ type: 'text' }) name!: string;
  @Column({ type: 'jsonb' }) spec!: Record<string, unknown>;
  /** The change (outbox id) that wrote this version; rises with every write of any object. */
  @Column({ type: 'bigint' }) generation!: string;
  /** Microseconds since the epoch of Unix time, as the API's `_last_modified`. */
  @Column({ type: 'bigint' }) last_modified!: string;
  /** Seeded objects cannot be deleted. */
  @Column({ type: 'boolean', default: false }) system_default!: boolean;
}
