import type { StepName, UndoName } from '@spillway/placement';
import type { CloudService } from '../../cloud/cloud.service.js';
import type { PlacementWriter } from '../../placement/placement-writer.js';
import type { ScaleWriter } from '../../placement/scale-writer.js';
import type { ObjectStore } from '../../store/index.js';
import type { OperationStore } from '../operation.store.js';
import { done, type StepResult } from '../operation.types.js';
import type { StepContext } from '../step-context.js';
import { SeMaker, ServiceEngineSteps } from './service-engine.js';
import { SourceSteps } from './source.js';
import { SwitchoverSteps } from './switchover.js';
import { TargetSteps } from './target.js';

/** A step looks at the world and moves it on; it may run any number of times. */
export type StepFunction = (ctx: StepContext) => Promise<StepResult>;
export type UndoFunction = (ctx: StepContext) => Promise<void>;

export interface StepFunctions {
  readonly steps: Readonly<Record<StepName, StepFunction>>;
  readonly undos: Readonly<Record<UndoName, UndoFunction>>;
}

export interface StepServices {
  readonly writer: PlacementWriter;
  readonly scales: ScaleWriter;
  readonly store: ObjectStore;
  readonly operations: OperationStore;
  readonly clouds: CloudService;
}

/** One function per step and undo that libs/placement names. */
export function stepFunctions(services: StepServices): StepFunctions {
  const { writer, scales, store, operations, clouds } = services;
  const target = new TargetSteps(writer, new SeMaker(operations));
  const source = new SourceSteps(writer);
  const switchover = new SwitchoverSteps(writer);
  const engine = new ServiceEngineSteps(store, clouds, writer);
  return {
    steps: {
      // A scale-in chose its SE when it was admitted.
      choose: (ctx) =>
        ctx.op.type === 'scalein'
          ? Promise.resolve(done(ctx.seName(ctx.params.from_se_uuid)))
          : target.choose(ctx),
      program: (ctx) => target.program(ctx),
      ready: (ctx) => target.ready(ctx),
      admit: (ctx) => target.admit(ctx),
      switch_primary: (ctx) => source.switchPrimary(ctx),
      withdraw: (ctx) => source.withdraw(ctx),
      drain: (ctx) => source.drain(ctx),
      release: (ctx) => source.release(ctx),
      withdraw_all: (ctx) => source.withdrawAll(ctx),
      drain_all: (ctx) => source.drainAll(ctx),
      release_all: (ctx) => source.releaseAll(ctx),
      target_ready: (ctx) => switchover.targetReady(ctx),
      make_primary: (ctx) => switchover.makePrimary(ctx),
      create: (ctx) => engine.create(ctx),
      enrolled: (ctx) => engine.enrolled(ctx),
      evacuate: (ctx) => engine.evacuate(ctx),
      drained: (ctx) => engine.drained(ctx),
      delete: (ctx) => engine.delete(ctx),
    },
    undos: {
      remove_target: (ctx) => target.removeTarget(ctx),
      readmit_source: (ctx) => source.readmitSource(ctx),
      delete_created: (ctx) => engine.deleteCreated(ctx),
      restore_scale: async (ctx) => {
        const delta = ctx.params.scale_delta ?? 0;
        delete ctx.params.scale_delta;
        await scales.shift(ctx.manager, ctx.op.subject_uuid, ctx.op.vip_id, -delta);
      },
    },
  };
}
