import { randomUUID } from 'node:crypto';
import { applyDefaults } from '@spillway/model';
import type { Group } from '@spillway/placement';
import { PlacementRow, SeRuntime, ServerVerdict } from '../../database/entities/index.js';
import type { PlacementWriter } from '../../placement/placement-writer.js';
import { numberOf, textOf } from '../../placement/fields.js';
import type { CloudService } from '../../cloud/cloud.service.js';
import type { ObjectStore, Spec } from '../../store/index.js';
import { paramsOf, type OperationStore } from '../operation.store.js';
import { done, wait, type StepResult } from '../operation.types.js';
import type { StepContext } from '../step-context.js';

const properties = (ctx: StepContext) => [...ctx.cache.byKind('controllerproperties')][0]?.spec;

/** Makes an SE for another operation: starts `create_se` and follows it. */
export class SeMaker {
  constructor(private readonly operations: OperationStore) {}

  /** Undefined when none is being made, also after a failure (`params.create_failure`); `done` when it is there. */
  async progress(ctx: StepContext): Promise<StepResult | undefined> {
    const { params } = ctx;
    if (params.create_operation === undefined) return params.made_se_uuid === undefined ? undefined : done();
    const child = await this.operations.find(params.create_operation, ctx.manager);
    if (child !== null && child.ended_at === null)
      return wait(`service engine ${child.subject_name} is being made`);
    delete params.create_operation;
    if (child?.state === 'succeeded') {
      delete params.create_failure;
      params.made_se_uuid = child.subject_uuid;
      return done();
    }
    const seconds = numberOf(properties(ctx), 'se_spawn_retry_interval', 300);
    params.create_failure = {
      code: child?.error_code || 'CREATE_SE_FAIL',
      reason: `no service engine could be made: ${child?.error || 'its operation is gone'}`,
      retry_at: new Date(ctx.now.getTime() + seconds * 1000).toISOString(),
    };
    return undefined;
  }

  /** Starts `create_se`, or joins one that runs for the same group. */
  async begin(ctx: StepContext, group: Group): Promise<StepResult> {
    const { op } = ctx;
    delete ctx.params.create_failure;
    const others = await this.operations.active(ctx.manager);
    const same = others.find((o) => o.type === 'create_se' && paramsOf(o).group_uuid === group.uuid);
    if (same !== undefined) {
      // One that is being made for another virtual service may have room for this one, too.
      ctx.params.create_operation = same.uuid;
      return wait(`service engine ${same.subject_name} is being made`);
    }
    const spec = ctx.cache.get(group.uuid)?.spec;
    const seUuid = `serviceengine-${randomUUID()}`;
    const name = `${textOf(spec, 'se_name_prefix', 'Spillway')}-se-${seUuid.slice(14, 19)}`;
    const child = await this.operations.insert(ctx.manager, {
      type: 'create_se',
      subjectUuid: seUuid,
      subjectName: name,
      tenantUuid: op.tenant_uuid,
      params: { group_uuid: group.uuid, se_name: name, why: 'below_wanted' },
      requestedBy: op.requested_by,
    });
    if (child === undefined) throw new Error(`uuid ${seUuid} is taken`);
    ctx.params.create_operation = child.uuid;
    ctx.started.push(child.uuid);
    return wait(`service engine ${name} is being made`);
  }
}

/** The steps of operations on an SE itself. */
export class ServiceEngineSteps {
  constructor(
    private readonly store: ObjectStore,
    private readonly clouds: CloudService,
    private readonly writer: PlacementWriter,
  ) {}

  /** The object first, so that the SE enrols as it; then the cloud's call, which may be repeated. */
  async create(ctx: StepContext): Promise<StepResult> {
    const { op, params } = ctx;
    const group = ctx.cache.get(params.group_uuid ?? '');
    if (group === undefined)
      return { do: 'failed', code: 'GROUP_GONE', reason: `SE group ${params.group_uuid} was deleted` };
    const cloudUuid = textOf(group.spec, 'cloud_ref');
    const name = params.se_name ?? op.subject_name;
    if (ctx.cache.get(op.subject_uuid) === undefined) {
      const tx = await this.store.within(ctx.manager);
      if (tx.get(op.subject_uuid) === undefined)
        await tx.create(
          'serviceengine',
          applyDefaults('serviceengine', {
            name,
            tenant_ref: group.tenantUuid,
            cloud_ref: cloudUuid,
            se_group_ref: group.uuid,
            controller_created: true,
          }) as unknown as Spec,
          { uuid: op.subject_uuid },
        );
      // The SE may enrol as soon as it runs: its object has to be committed by then.
      return wait('its object is made', ctx.now);
    }
    try {
      await this.clouds.create({ seUuid: op.subject_uuid, name, groupUuid: group.uuid, cloudUuid });
    } catch (err) {
      return { do: 'failed', code: 'CREATE_SE_FAIL', reason: (err as Error).message };
    }
    return done(name);
  }

  async enrolled(ctx: StepContext): Promise<StepResult> {
    const runtime = await ctx.manager.findOneBy(SeRuntime, { se_uuid: ctx.op.subject_uuid });
    if (runtime?.connected === true) return done();
    const seconds = numberOf(properties(ctx), 'se_create_timeout', 900);
    if (ctx.now < ctx.deadline(seconds * 1000))
      return wait('it has not enrolled yet', ctx.deadline(seconds * 1000));
    ctx.event('CREATE_SE_TIMEOUT', `service engine ${ctx.op.subject_name} did not enrol within ${seconds} s`);
    return { do: 'failed', code: 'CREATE_SE_TIMEOUT', reason: `it did not enrol within ${seconds} s` };
  }

  /** Waits while the reconciler moves what the SE carries; it knows from `enable_state` that the SE must go. */
  async evacuate(ctx: StepContext): Promise<StepResult> {
    if (ctx.op.type === 'delete_se' && ctx.params.force !== true) await this.disable(ctx);
    const rows = await this.rowsOf(ctx);
    const here = rows.filter((r) => r.desired !== 'drain');
    if (ctx.op.type === 'evacuate_se' && !disabled(ctx))
      return { do: 'finish', detail: 'it was enabled again' };
    if (here.length === 0 || ctx.params.force === true) return done();
    return wait(`${here.length} virtual services left to move`);
  }

  async drained(ctx: StepContext): Promise<StepResult> {
    const rows = await this.rowsOf(ctx);
    if (ctx.op.type === 'evacuate_se' && !disabled(ctx))
      return { do: 'finish', detail: 'it was enabled again' };
    if (rows.length === 0 || ctx.params.force === true) return done();
    const left = rows.reduce((sum, r) => sum + Number(r.connections_left), 0);
    return wait(`${left} connections left in ${rows.length} drains`);
  }

  async delete(ctx: StepContext): Promise<StepResult> {
    const { op } = ctx;
    const object = ctx.cache.get(op.subject_uuid);
    try {
      await this.clouds.delete({
        seUuid: op.subject_uuid,
        name: object?.name ?? op.subject_name,
        cloudUuid: textOf(object?.spec, 'cloud_ref'),
      });
    } catch (err) {
      return { do: 'failed', code: 'DELETE_SE_FAIL', reason: (err as Error).message };
    }
    await this.forget(ctx);
    return done();
  }

  /** Undo of a creation: nothing of the SE stays. */
  async deleteCreated(ctx: StepContext): Promise<void> {
    const group = ctx.cache.get(ctx.params.group_uuid ?? '');
    await this.clouds.delete({
      seUuid: ctx.op.subject_uuid,
      name: ctx.params.se_name ?? ctx.op.subject_name,
      cloudUuid: textOf(group?.spec, 'cloud_ref'),
    });
    await this.forget(ctx);
  }

  /** So that nothing new comes to an SE that is to be deleted, and what is there moves. */
  private async disable(ctx: StepContext): Promise<void> {
    const object = ctx.object;
    if (object === undefined || disabled(ctx)) return;
    const tx = await this.store.within(ctx.manager);
    const now = tx.get(object.uuid);
    if (now !== undefined)
      await tx.replace('serviceengine', object.uuid, { ...now.spec, enable_state: 'SE_STATE_DISABLED' });
  }

  private async forget(ctx: StepContext): Promise<void> {
    const tx = await this.store.within(ctx.manager);
    for (const row of await this.rowsOf(ctx))
      await this.writer.remove(ctx.manager, { vsUuid: row.vs_uuid, vipId: row.vip_id, seUuid: row.se_uuid });
    if (tx.get(ctx.op.subject_uuid) !== undefined) await tx.remove('serviceengine', ctx.op.subject_uuid);
    await ctx.manager.delete(SeRuntime, { se_uuid: ctx.op.subject_uuid });
    await ctx.manager.delete(ServerVerdict, { se_uuid: ctx.op.subject_uuid });
  }

  private rowsOf(ctx: StepContext): Promise<PlacementRow[]> {
    return ctx.manager.findBy(PlacementRow, { se_uuid: ctx.op.subject_uuid });
  }
}

const disabled = (ctx: StepContext): boolean =>
  textOf(ctx.object?.spec, 'enable_state').startsWith('SE_STATE_DISABLED') &&
  textOf(ctx.object?.spec, 'enable_state') !== 'SE_STATE_DISABLED_FOR_PLACEMENT';
