import {
  candidates,
  electPrimary,
  noCandidate,
  whyNot,
  type CandidateRequest,
  type Candidates,
  type Group,
  type World,
} from '@spillway/placement';
import { numberOf, textOf } from '../../placement/fields.js';
import { troubleOf } from '../../placement/trouble.js';
import type { PlacementWriter } from '../../placement/placement-writer.js';
import { done, wait, type StepResult } from '../operation.types.js';
import type { StepContext } from '../step-context.js';
import type { SeMaker } from './service-engine.js';
import { misconfigured, unservable } from './unservable.js';

/** How long an SE may take from `admit` to listeners in every worker. */
const ADMIT_TIMEOUT_MS = 30_000;
/** How long a named SE may be away before the operation gives up on it. */
const RECONNECT_MS = 30_000;
const FIRST_RETRY_MS = 5_000;

const gone = (ctx: StepContext): StepResult => ({
  do: 'failed',
  code: 'VS_GONE',
  reason: `virtual service ${ctx.op.subject_name} was deleted`,
});

const NAME_ONE = [{ name: 'to_se_ref', text: 'service engine to use (uuid, name or reference)' }];

/** "If the Controller runs into an issue when creating a new SE, it will wait a few minutes and then try again." */
const createLater = (failure: { code: string; reason: string; retry_at: string }): StepResult => ({
  do: 'ask',
  code: failure.code,
  reason: failure.reason,
  question: {
    code: 'RETRY_LATER',
    text: `${failure.reason}. It is tried again at ${failure.retry_at}; name a service engine to use that one`,
    fields: NAME_ONE,
  },
  until: new Date(failure.retry_at),
});

const elsewhere = (code: string, reason: string): StepResult => ({ do: 'elsewhere', code, reason });

/** An SE that comes wakes the operation; beyond that it looks every `vs_awaiting_se_timeout` (60 s). */
const awaitSeMs = (ctx: StepContext): number =>
  1000 * numberOf([...ctx.cache.byKind('controllerproperties')][0]?.spec, 'vs_awaiting_se_timeout', 60);

/** Waits longer after each failure, up to `se_failover_attempt_interval` (300 s). */
export function retryAt(ctx: StepContext): Date {
  const properties = [...ctx.cache.byKind('controllerproperties')][0]?.spec;
  const most = numberOf(properties, 'se_failover_attempt_interval', 300) * 1000;
  const ms = Math.min(most, FIRST_RETRY_MS * 2 ** Math.max(0, ctx.op.attempts - 1));
  return new Date(ctx.now.getTime() + ms);
}

/** The steps that bring a VIP to one more SE: choose, program, ready, admit. */
export class TargetSteps {
  constructor(
    private readonly writer: PlacementWriter,
    private readonly maker: SeMaker,
  ) {}

  async choose(ctx: StepContext): Promise<StepResult> {
    await this.writer.lockGroup(ctx.manager, textOf(ctx.object?.spec, 'se_group_ref'));
    const world = await ctx.world();
    const vs = await ctx.vs();
    const group = await ctx.group();
    if (vs === undefined || group === undefined) return gone(ctx);
    const { params, op } = ctx;
    const wrong = unservable(ctx);
    if (wrong !== undefined) return misconfigured(ctx, wrong, new Date(ctx.now.getTime() + awaitSeMs(ctx)));
    if (op.next_retry !== null && ctx.now >= op.next_retry) {
      delete params.tried;
      op.next_retry = null;
    }
    const leaving = params.from_se_uuid === undefined ? [] : [params.from_se_uuid];
    const request = { vs, vipId: op.vip_id, leaving, tried: params.tried ?? {}, promoteStandby: true };
    if (params.to_named === true) return this.named(ctx, world, group, request);
    const made = await this.maker.progress(ctx);
    if (made !== undefined && made.do !== 'done') return made;
    const found = candidates(world, request);
    const wantsNew = params.to_new_se === true && made === undefined;
    const failure = params.create_failure;
    const later = failure !== undefined && ctx.now < new Date(failure.retry_at);
    if (made === undefined && !later && group.canCreateSe && (wantsNew || found.createSe))
      return this.maker.begin(ctx, group);
    const chosen = wantsNew ? this.newcomer(ctx, found.ranked) : this.preferred(params.made_se_uuid, found);
    if (chosen === undefined && failure !== undefined) return createLater(failure);
    if (chosen === undefined)
      return this.nobody(ctx, group, wantsNew ? undefined : noCandidate(group, vs, found));
    params.to_se_uuid = chosen;
    await this.reserve(ctx, chosen);
    return done(ctx.seName(chosen));
  }

  /** The row is there with the choice, so that two operations never fill the last slot of an SE together. */
  private async reserve(ctx: StepContext, seUuid: string): Promise<void> {
    const rows = await ctx.rows();
    const first = ctx.params.standby !== true && !rows.some((r) => r.primary);
    await this.writer.program(ctx.manager, ctx.key(seUuid), first);
  }

  private async named(
    ctx: StepContext,
    world: World,
    group: Group,
    request: CandidateRequest,
  ): Promise<StepResult> {
    const to = ctx.params.to_se_uuid ?? '';
    const se = world.serviceEngines.get(to);
    if (se === undefined)
      return { do: 'failed', code: 'UNKNOWN_SE', reason: `service engine ${to} was deleted` };
    // A standby is programmed already: that is where this step wants to be.
    if ((await ctx.row(to))?.desired === 'prepare') return done(se.name);
    const why = whyNot(world, group, se, request);
    if (why === undefined) {
      await this.reserve(ctx, to);
      return done(se.name);
    }
    // Its channel may be back in a moment: after a restart of the controller every SE is away at first.
    const soon = ctx.deadline(RECONNECT_MS);
    if (why.code === 'DISCONNECTED' && !se.lost && ctx.now < soon)
      return wait(`${se.name} is not connected`, soon);
    return { do: 'failed', code: why.code, reason: why.reason };
  }

  private preferred(made: string | undefined, found: Candidates): string | undefined {
    return made !== undefined && found.ranked.includes(made) ? made : found.chosen;
  }

  /** Where a new SE is wanted and the cloud cannot make one: the first that comes after the request. */
  private newcomer(ctx: StepContext, ranked: readonly string[]): string | undefined {
    const known = (ctx.params.known_ses ??= [...ranked]);
    return ranked.find((se) => !known.includes(se));
  }

  /** No SE can take it now: say why, ask for one, look again when the world changes. */
  private nobody(
    ctx: StepContext,
    group: Group,
    refusal: { code: string; reason: string } | undefined,
  ): StepResult {
    const { op, params } = ctx;
    const tried = Object.entries(params.tried ?? {});
    if (tried.length > 0 && params.why === undefined) {
      const [, reason] = tried.at(-1) ?? ['', ''];
      return { do: 'failed', code: op.error_code || 'NO_CANDIDATE', reason };
    }
    const failed = tried.length > 0;
    const reason = failed
      ? (tried.at(-1)?.[1] ?? '')
      : (refusal?.reason ??
        `a new service engine is wanted in group ${group.name}, and its cloud cannot make one`);
    return {
      do: 'ask',
      code: failed ? op.error_code || 'RETRY_LATER' : (refusal?.code ?? 'SE_NEEDED'),
      reason,
      question: {
        code: failed ? 'RETRY_LATER' : 'SE_NEEDED',
        text: failed
          ? `${reason}. It is tried again by itself; name a service engine to try that one`
          : `${reason}. Start a service engine that enrols into group ${group.name}, or name one to use`,
        fields: NAME_ONE,
      },
      until: failed ? retryAt(ctx) : new Date(ctx.now.getTime() + awaitSeMs(ctx)),
    };
  }

  async program(ctx: StepContext): Promise<StepResult> {
    const to = ctx.params.to_se_uuid ?? '';
    const se = await ctx.se(to);
    if (se === undefined)
      return { do: 'elsewhere', code: 'UNKNOWN_SE', reason: `service engine ${to} was deleted` };
    await this.reserve(ctx, to);
    return done(se.name);
  }

  async ready(ctx: StepContext): Promise<StepResult> {
    const seconds = numberOf(ctx.groupSpec, 'vs_se_scaleout_ready_timeout', 60);
    const found = await this.look(ctx, ['prepared', 'active'], seconds === 0 ? 60_000 : seconds * 1000);
    if (found.do === 'elsewhere' && found.code === 'TIMED_OUT')
      ctx.event('SE_SCALEOUT_READY_TIMEDOUT', found.reason, { se_uuid: ctx.params.to_se_uuid });
    if (found.do === 'done' && ctx.params.standby === true) return { ...found, do: 'finish' };
    return found;
  }

  async admit(ctx: StepContext): Promise<StepResult> {
    const to = ctx.params.to_se_uuid ?? '';
    await this.writer.want(ctx.manager, ctx.key(to), 'active');
    const found = await this.look(ctx, ['active'], ADMIT_TIMEOUT_MS);
    if (found.do !== 'done') return found;
    const rows = await ctx.rows();
    if (!rows.some((r) => r.primary)) await this.writer.makePrimary(ctx.manager, ctx.key(to));
    ctx.event(
      'VS_ADD_SE',
      `virtual service ${ctx.op.subject_name} is active on service engine ${ctx.seName(to)}`,
      {
        se_uuid: to,
        se_name: ctx.seName(to),
      },
    );
    return found;
  }

  /** Waits until the SE says one of these of the VIP; gives it up when it fails, goes away or takes too long. */
  private async look(ctx: StepContext, until: readonly string[], timeoutMs: number): Promise<StepResult> {
    const to = ctx.params.to_se_uuid ?? '';
    const name = ctx.seName(to);
    const se = await ctx.se(to);
    const row = await ctx.row(to);
    if (se === undefined || row === undefined)
      return elsewhere('SE_GONE', `service engine ${name} was deleted meanwhile`);
    if (until.includes(row.observed)) return done(name);
    if (row.observed === 'failed')
      return elsewhere(row.code || 'SE_FAILED', `service engine ${name}: ${troubleOf(row)}`);
    if (se.lost || se.stopping) return elsewhere('DISCONNECTED', `service engine ${name} went away`);
    if (ctx.now >= ctx.deadline(timeoutMs))
      return elsewhere('TIMED_OUT', `service engine ${name} was not ready within ${timeoutMs / 1000} s`);
    return wait(`${name} is ${row.observed}`, ctx.deadline(timeoutMs));
  }

  /** Undo: the SE that was to be added lets go; what it serves already drains. */
  async removeTarget(ctx: StepContext): Promise<void> {
    const to = ctx.params.to_se_uuid;
    if (to === undefined) return;
    const row = await ctx.row(to);
    if (row === undefined) return;
    if (row.desired === 'prepare') await this.writer.remove(ctx.manager, ctx.key(to));
    else if (row.desired === 'active') {
      const seconds = numberOf(ctx.groupSpec, 'vs_scalein_timeout', 30);
      await this.writer.want(ctx.manager, ctx.key(to), 'drain', seconds * 1000);
    }
    if (!row.primary) return;
    const world = await ctx.world();
    const next = electPrimary(world, { uuid: ctx.op.subject_uuid }, ctx.op.vip_id, [to]);
    if (next !== undefined) await this.writer.makePrimary(ctx.manager, ctx.key(next));
  }
}
