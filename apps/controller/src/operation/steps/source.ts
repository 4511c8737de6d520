import { electPrimary } from '@spillway/placement';
import type { PlacementRow } from '../../database/entities/index.js';
import { numberOf } from '../../placement/fields.js';
import type { PlacementWriter } from '../../placement/placement-writer.js';
import { DRAIN_GRACE_MS } from '../../placement/views.js';
import { done, wait, type StepResult } from '../operation.types.js';
import type { StepContext } from '../step-context.js';

/** How long an SE may take to close its listeners before the drain goes on without its word. */
const WITHDRAW_TIMEOUT_MS = 5_000;

/** `vs_scalein_timeout` of the group, or what the request set; milliseconds. */
const drainTimeout = (ctx: StepContext): number =>
  ctx.params.drain_timeout ?? numberOf(ctx.groupSpec, 'vs_scalein_timeout', 30) * 1000;

/**
 * What was not taken up, or failed, has no connections to end. A placement that is merely prepared may have served
 * a moment ago (a disabled virtual service, a worker that starts again): it says itself when it is drained.
 */
const neverServed = (row: PlacementRow): boolean => row.observed === 'pending' || row.observed === 'failed';

/** The steps that take a VIP from an SE: switch the primary, withdraw, drain, release. */
export class SourceSteps {
  constructor(private readonly writer: PlacementWriter) {}

  /** The primary's role leaves before the SE does. In a migration it goes to the target. */
  async switchPrimary(ctx: StepContext): Promise<StepResult> {
    const from = ctx.params.from_se_uuid ?? '';
    const row = await ctx.row(from);
    if (row?.primary !== true) return done('the primary stays');
    const world = await ctx.world();
    const to = ctx.params.to_se_uuid;
    const target = to === undefined ? undefined : await ctx.row(to);
    const next =
      target?.desired === 'active'
        ? to
        : electPrimary(world, { uuid: ctx.op.subject_uuid }, ctx.op.vip_id, [from]);
    if (next === undefined) return done('no other service engine serves');
    await this.writer.makePrimary(ctx.manager, ctx.key(next));
    ctx.event(
      'VS_SWITCHOVER',
      `service engine ${ctx.seName(next)} is the primary of virtual service ${ctx.op.subject_name}`,
      {
        from_se_uuid: from,
        to_se_uuid: next,
      },
    );
    return done(`${ctx.seName(next)} is the primary`);
  }

  async withdraw(ctx: StepContext): Promise<StepResult> {
    const from = ctx.params.from_se_uuid ?? '';
    await this.writer.want(ctx.manager, ctx.key(from), 'drain', drainTimeout(ctx));
    return this.closed(ctx, [from]);
  }

  async drain(ctx: StepContext): Promise<StepResult> {
    return this.empty(ctx, [ctx.params.from_se_uuid ?? '']);
  }

  async release(ctx: StepContext): Promise<StepResult> {
    await this.letGo(ctx, ctx.params.from_se_uuid ?? '');
    return done();
  }

  async withdrawAll(ctx: StepContext): Promise<StepResult> {
    for (const row of await ctx.rows()) {
      if (row.desired === 'prepare') await this.writer.remove(ctx.manager, ctx.key(row.se_uuid));
      else await this.writer.want(ctx.manager, ctx.key(row.se_uuid), 'drain', drainTimeout(ctx));
    }
    return this.closed(ctx, await this.everyone(ctx));
  }

  async drainAll(ctx: StepContext): Promise<StepResult> {
    return this.empty(ctx, await this.everyone(ctx));
  }

  async releaseAll(ctx: StepContext): Promise<StepResult> {
    for (const seUuid of await this.everyone(ctx)) await this.letGo(ctx, seUuid);
    return done();
  }

  /** Undo: the SE that was to leave serves on. */
  async readmitSource(ctx: StepContext): Promise<void> {
    const from = ctx.params.from_se_uuid;
    const row = from === undefined ? undefined : await ctx.row(from);
    if (from !== undefined && row?.desired === 'drain')
      await this.writer.want(ctx.manager, ctx.key(from), 'active');
  }

  private async everyone(ctx: StepContext): Promise<string[]> {
    return (await ctx.rows()).map((r) => r.se_uuid);
  }

  private async letGo(ctx: StepContext, seUuid: string): Promise<void> {
    const row = await ctx.row(seUuid);
    if (row === undefined) return;
    await this.writer.remove(ctx.manager, ctx.key(seUuid));
    const name = ctx.seName(seUuid);
    const reset = Number(row.connections_reset);
    ctx.event(
      'VS_REMOVED_SE',
      `virtual service ${ctx.op.subject_name} left service engine ${name}${reset > 0 ? `; ${reset} connections were reset at the deadline` : ''}`,
      { se_uuid: seUuid, se_name: name, connections_reset: reset },
    );
  }

  /** New connections have stopped: the SE says so, or is not there to take any. */
  private async closed(ctx: StepContext, seUuids: readonly string[]): Promise<StepResult> {
    for (const seUuid of seUuids) {
      const row = await ctx.row(seUuid);
      if (row === undefined || row.observed === 'draining' || row.observed === 'drained') continue;
      if (neverServed(row)) continue;
      if ((await ctx.se(seUuid))?.connected !== true || ctx.now >= ctx.deadline(WITHDRAW_TIMEOUT_MS))
        continue;
      return wait(`${ctx.seName(seUuid)} closes its listeners`, ctx.deadline(WITHDRAW_TIMEOUT_MS));
    }
    return done();
  }

  private async empty(ctx: StepContext, seUuids: readonly string[]): Promise<StepResult> {
    const left: string[] = [];
    let until: Date | undefined;
    for (const seUuid of seUuids) {
      const row = await ctx.row(seUuid);
      if (row === undefined || row.observed === 'drained') continue;
      if (neverServed(row)) continue;
      const se = await ctx.se(seUuid);
      const deadline = new Date(row.desired_at.getTime() + row.drain_timeout + DRAIN_GRACE_MS);
      if (se === undefined || se.lost || ctx.now >= deadline) continue;
      left.push(`${row.connections_left} connections left on ${se.name}`);
      if (until === undefined || deadline < until) until = deadline;
    }
    return left.length === 0 ? done() : wait(left.join(', '), until);
  }
}
