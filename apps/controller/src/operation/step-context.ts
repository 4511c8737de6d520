import {
  OPERATIONS,
  type Group,
  type ServiceEngine,
  type StepDefinition,
  type VirtualService,
} from '@spillway/placement';
import type { EntityManager } from 'typeorm';
import type { Operation, PlacementRow } from '../database/entities/index.js';
import { PlacementRow as Placements, SeRuntime } from '../database/entities/index.js';
import type { NewEvent } from '../event/index.js';
import type { PlacementKey } from '../placement/placement-writer.js';
import { textOf } from '../placement/fields.js';
import { seView } from '../placement/views.js';
import type { PlacementWorld, WorldReader } from '../placement/world-reader.js';
import type { ObjectCache, StoredObject } from '../store/index.js';
import { paramsOf } from './operation.store.js';
import type { OperationParams } from './operation.types.js';

/** What a step sees: its operation, the rows as they are inside this transaction, and the time. */
export class StepContext {
  readonly events: NewEvent[] = [];
  /** Operations that this step started: carried on after the commit. */
  readonly started: string[] = [];
  private seen: PlacementWorld | undefined;

  constructor(
    readonly op: Operation,
    readonly manager: EntityManager,
    readonly cache: ObjectCache,
    private readonly reader: WorldReader,
    readonly now: Date,
  ) {}

  get params(): OperationParams {
    return paramsOf(this.op);
  }

  get definition(): StepDefinition | undefined {
    return OPERATIONS[this.op.type].steps.find((s) => s.name === this.op.step);
  }

  /** When the present step began. */
  get since(): Date {
    const started = this.op.steps.find((s) => s.name === this.op.step)?.started_at;
    return started === undefined ? this.now : new Date(started);
  }

  deadline(ms: number): Date {
    return new Date(this.since.getTime() + ms);
  }

  /** Everything; read once, when the first step asks. */
  async world(): Promise<PlacementWorld> {
    this.seen ??= await this.reader.read(this.manager, this.now.getTime());
    return this.seen;
  }

  /** The virtual service that the operation is about; undefined when it was deleted. */
  async vs(): Promise<VirtualService | undefined> {
    return (await this.world()).virtualServices.get(this.op.subject_uuid);
  }

  async group(): Promise<Group | undefined> {
    const vs = await this.vs();
    return vs === undefined ? undefined : (await this.world()).groups.get(vs.groupUuid);
  }

  get object(): StoredObject | undefined {
    return this.cache.get(this.op.subject_uuid);
  }

  /** The spec of the SE group of the virtual service. */
  get groupSpec(): Readonly<Record<string, unknown>> | undefined {
    return this.cache.get(textOf(this.object?.spec, 'se_group_ref'))?.spec;
  }

  key(seUuid: string): PlacementKey {
    return { vsUuid: this.op.subject_uuid, vipId: this.op.vip_id, seUuid };
  }

  async row(seUuid: string): Promise<PlacementRow | undefined> {
    const found = await this.manager.findOneBy(Placements, {
      vs_uuid: this.op.subject_uuid,
      vip_id: this.op.vip_id,
      se_uuid: seUuid,
    });
    return found ?? undefined;
  }

  rows(): Promise<PlacementRow[]> {
    return this.manager.findBy(Placements, { vs_uuid: this.op.subject_uuid, vip_id: this.op.vip_id });
  }

  /** An SE as it is now; undefined when there is no such object. */
  async se(seUuid: string): Promise<ServiceEngine | undefined> {
    const object = this.cache.get(seUuid);
    if (object === undefined) return undefined;
    const runtime = await this.manager.findOneBy(SeRuntime, { se_uuid: seUuid });
    return seView(object, runtime ?? undefined);
  }

  seName(seUuid: string | undefined): string {
    return seUuid === undefined ? '' : (this.cache.get(seUuid)?.name ?? seUuid);
  }

  /** Recorded with the commit of this step. */
  event(eventId: string, description: string, details: Record<string, unknown> = {}): void {
    const { op } = this;
    this.events.push({
      eventId,
      kind: OPERATIONS[op.type].subject,
      objUuid: op.subject_uuid,
      objName: op.subject_name,
      tenantUuid: op.tenant_uuid,
      userName: op.requested_by,
      description,
      details: { operation: op.uuid, ...(op.vip_id === '' ? {} : { vip_id: op.vip_id }), ...details },
    });
  }
}
