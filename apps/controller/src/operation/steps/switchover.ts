import type { PlacementWriter } from '../../placement/placement-writer.js';
import { done, type StepResult } from '../operation.types.js';
import type { StepContext } from '../step-context.js';

/** The steps of a switchover. */
export class SwitchoverSteps {
  constructor(private readonly writer: PlacementWriter) {}

  async targetReady(ctx: StepContext): Promise<StepResult> {
    const to = ctx.params.to_se_uuid ?? '';
    const row = await ctx.row(to);
    const se = await ctx.se(to);
    const name = ctx.seName(to);
    if (row === undefined || row.desired !== 'active')
      return {
        do: 'failed',
        code: 'NOT_SERVING',
        reason: `service engine ${name} does not serve this VIP any more`,
      };
    if (row.observed !== 'active' || se?.connected !== true)
      return {
        do: 'failed',
        code: 'NOT_ACTIVE',
        reason: `service engine ${name} is not active for this VIP`,
      };
    return done(name);
  }

  async makePrimary(ctx: StepContext): Promise<StepResult> {
    const to = ctx.params.to_se_uuid ?? '';
    await this.writer.makePrimary(ctx.manager, ctx.key(to));
    return done(`${ctx.seName(to)} is the primary`);
  }
}
