import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import {
  admitMigrate,
  admitScalein,
  admitScaleout,
  admitSwitchover,
  counted,
  type ActionRequest,
  type Admission,
  type Refusal,
  type SeRefusal,
} from '@spillway/placement';
import { DataSource, type EntityManager } from 'typeorm';
import type { Operation } from '../database/entities/index.js';
import { ApiError, errors } from '../errors.js';
import { EventService } from '../event/index.js';
import { PlacementWriter } from '../placement/placement-writer.js';
import { Reconciler } from '../placement/reconciler.js';
import { ScaleWriter } from '../placement/scale-writer.js';
import { WorldReader, type PlacementWorld } from '../placement/world-reader.js';
import type { StoredObject } from '../store/index.js';
import { OperationRunner } from './operation-runner.js';
import { OperationStore, paramsOf } from './operation.store.js';

/** How long a user's action waits for what the controller does by itself. */
const PATIENCE_MS = 2_000;
const LOOK_AGAIN_MS = 25;

export type ActionName = 'scaleout' | 'scalein' | 'migrate' | 'switchover';

/** What a request for an action says, references resolved. */
export interface ActionInput {
  readonly vipId: string | undefined;
  readonly toSe?: string | undefined;
  readonly fromSe?: string | undefined;
  readonly toNewSe?: boolean | undefined;
  readonly scaleinPrimary?: boolean | undefined;
}

const ADMIT: Readonly<Record<ActionName, (world: PlacementWorld, request: ActionRequest) => Admission>> = {
  scaleout: admitScaleout,
  scalein: admitScalein,
  migrate: admitMigrate,
  switchover: admitSwitchover,
};

/** Admits actions on virtual services and starts their operations. */
@Injectable()
export class ActionService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly reader: WorldReader,
    private readonly writer: PlacementWriter,
    private readonly scales: ScaleWriter,
    private readonly operations: OperationStore,
    private readonly runner: OperationRunner,
    private readonly reconciler: Reconciler,
    private readonly events: EventService,
  ) {}

  /**
   * Admission and the new operation are one transaction under the lock of the virtual service: two requests at the
   * same moment never both pass. Throws the refusal with its code and reasons.
   */
  async act(action: ActionName, vs: StoredObject, input: ActionInput, userName: string): Promise<Operation> {
    const result = await this.admitted(action, vs, input, userName);
    const refusal = 'refusal' in result ? result.refusal : undefined;
    await this.events.configActed({
      action,
      kind: 'virtualservice',
      uuid: vs.uuid,
      name: vs.name,
      tenantUuid: vs.tenantUuid,
      userName,
      parameters: { ...input },
      status: refusal?.code ?? 'Success',
      ...(refusal === undefined ? {} : { error: refusal.reason }),
    });
    if ('refusal' in result) throw refused(result.refusal, result.refused);
    this.runner.wake(result.uuid);
    return result;
  }

  /**
   * What the controller does by itself on the VIP takes a moment, such as the end of its first placement: a user's
   * action waits that long instead of being refused.
   */
  private async admitted(
    action: ActionName,
    vs: StoredObject,
    input: ActionInput,
    userName: string,
  ): Promise<Awaited<ReturnType<ActionService['admit']>>> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const result = await this.dataSource.transaction((manager) =>
        this.admit(manager, action, vs, input, userName),
      );
      const busy = 'refusal' in result && result.refusal.code === 'OPERATION_RUNNING' && result.ownOperation;
      if (!busy || Date.now() >= end) return result;
      await sleep(LOOK_AGAIN_MS);
    }
  }

  /** Looks again at once at what waits for an SE; answers the operation, where there is one. */
  async retryPlacement(vs: StoredObject, vipId: string | undefined): Promise<Operation | undefined> {
    const vip = this.vipOf(await this.reader.read(), vs, vipId);
    const found = await this.dataSource.transaction(async (manager) => {
      const active = (await this.operations.activeOf(vs.uuid, manager)).find((op) => op.vip_id === vip);
      if (active === undefined || active.state !== 'waiting') return active;
      const row = await this.operations.lock(manager, active.uuid);
      if (row === undefined || row.ended_at !== null) return undefined;
      row.next_retry = new Date();
      delete paramsOf(row).create_failure;
      await this.operations.save(manager, row);
      return row;
    });
    if (found === undefined) this.reconciler.wake(vs.uuid);
    else this.runner.wake(found.uuid);
    return found;
  }

  private async admit(
    manager: EntityManager,
    action: ActionName,
    vs: StoredObject,
    input: ActionInput,
    userName: string,
  ): Promise<
    Operation | { refusal: Refusal; refused?: readonly SeRefusal[] | undefined; ownOperation: boolean }
  > {
    await this.writer.lock(manager, vs.uuid);
    const world = await this.reader.read(manager);
    const view = world.virtualServices.get(vs.uuid);
    if (view === undefined) throw errors.notFound('VirtualService');
    const vipId = this.vipOf(world, vs, input.vipId);
    const running = await this.makeWay(manager, vs.uuid, vipId);
    const request: ActionRequest = { ...input, vs: view, vipId, running };
    const admission = ADMIT[action](world, request);
    if (admission.admitted === undefined) return { ...admission, ownOperation: running?.own === true };
    const { fromSe, toSe } = admission.admitted;
    const delta = await this.scale(manager, action, world, request, fromSe);
    const op = await this.operations.insert(manager, {
      type: action,
      subjectUuid: vs.uuid,
      subjectName: vs.name,
      tenantUuid: vs.tenantUuid,
      vipId,
      params: {
        ...(fromSe === undefined ? {} : { from_se_uuid: fromSe }),
        ...(toSe === undefined ? {} : { to_se_uuid: toSe, to_named: true }),
        ...(input.toNewSe === true ? { to_new_se: true } : {}),
        ...(delta === 0 ? {} : { scale_delta: delta }),
      },
      requestedBy: userName,
    });
    if (op === undefined) throw new Error(`an operation on ${vs.uuid} appeared under its lock`);
    return op;
  }

  /**
   * What the controller began by itself and cannot go on with gives way to a user's action; it has nothing
   * programmed while it waits. Anything else that is active stays and is answered.
   */
  private async makeWay(
    manager: EntityManager,
    vsUuid: string,
    vipId: string,
  ): Promise<{ uuid: string; type: string; own: boolean } | undefined> {
    const active = (await this.operations.activeOf(vsUuid, manager)).find((op) => op.vip_id === vipId);
    if (active === undefined) return undefined;
    const own = paramsOf(active).why !== undefined;
    const here = { uuid: active.uuid, type: active.type, own: own && active.state === 'running' };
    if (active.state !== 'waiting' || !own || active.type === 'place') return here;
    const row = await this.operations.lock(manager, active.uuid, true);
    if (row === undefined || row.ended_at !== null) return here;
    row.state = 'cancelled';
    row.error_code = 'SUPERSEDED';
    row.error = 'a user asked for something else';
    row.text = 'Cancelled';
    row.question = null;
    row.next_retry = null;
    row.ended_at = new Date();
    await this.operations.save(manager, row);
    return undefined;
  }

  /** The manual factor changes with the request, in the same transaction; the operation takes it back if it fails. */
  private async scale(
    manager: EntityManager,
    action: ActionName,
    world: PlacementWorld,
    { vs, vipId }: ActionRequest,
    fromSe: string | undefined,
  ): Promise<number> {
    if (action === 'scaleout') return this.scales.out(manager, world, vs, vipId);
    const group = world.groups.get(vs.groupUuid);
    if (action !== 'scalein' || group === undefined) return 0;
    const here = counted(world, vs, vipId);
    // An SE that does not count any more leaves without a change of the scale.
    if (!here.some((p) => p.seUuid === fromSe)) return 0;
    return this.scales.in(manager, world, vs, vipId, group, here.length);
  }

  /** The VIP a request is about: the one named, or the only one there is. */
  private vipOf(world: PlacementWorld, vs: StoredObject, vipId: string | undefined): string {
    const vips = world.virtualServices.get(vs.uuid)?.vips ?? [];
    if (vipId !== undefined) return vipId;
    const [only, ...others] = vips;
    if (only !== undefined && others.length === 0) return only.vipId;
    throw errors.badRequest(
      'FIELD_REQUIRED',
      `vip_id is required: virtual service ${vs.name} has ${vips.length === 0 ? 'no VIP with an address' : `the VIPs ${vips.map((v) => v.vipId).join(', ')}`}.`,
      { field: 'vip_id' },
    );
  }
}

function refused(refusal: Refusal, ses: readonly SeRefusal[] | undefined): ApiError {
  const sentence = `${refusal.reason.charAt(0).toUpperCase()}${refusal.reason.slice(1)}.`;
  const named = (ses ?? []).map((r) => ({ se: r.se, se_name: r.seName, code: r.code, reason: r.reason }));
  return new ApiError(refusal.status, refusal.code, sentence, named.length === 0 ? {} : { refused: named });
}
