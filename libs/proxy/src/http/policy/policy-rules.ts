import {
  type Answer,
  type HttpPolicy,
  RequestDecision,
  ResponseDecision,
  type ResponseMemo,
  Verdict,
} from '@spillway/policy';
import { OWN_BY } from '@spillway/telemetry';
import { latin1 } from '../../bytes.js';
import type { PlaneContext } from '../../core/context.js';
import type { Pool } from '../../core/pool.js';
import type { PoolGroup } from '../../core/pool-group.js';
import { type HeadEdits } from '../edits.js';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';
import type { OwnResponse } from '../own-response.js';
import type { HttpRules } from '../rules.js';
import { facts } from './facts.js';
import { applyEdits } from './header-edits.js';
import { viewRequest, viewResponse } from './view.js';

/** Where policies send requests, by uuid. */
export interface Targets {
  /** Those of the groups too. */
  readonly pools: ReadonlyMap<string, Pool>;
  readonly groups: ReadonlyMap<string, PoolGroup>;
}

const decision = new RequestDecision();
const responseDecision = new ResponseDecision();

/** Does to the messages of a virtual service what its policy sets say. */
export class PolicyRules implements HttpRules {
  constructor(
    private readonly context: PlaneContext,
    private readonly policy: HttpPolicy,
    private readonly targets: Targets,
  ) {}

  onRequest(x: Exchange, message: Message, edits: HeadEdits): boolean {
    facts.x = x;
    this.policy.onRequest(viewRequest(x, message), facts, this.context.transport.now(), decision);
    x.memo = decision.memo;
    if (!decision.touched) return true;
    switch (decision.verdict) {
      case Verdict.Answer:
        x.answer(ownResponse(decision.answer!));
        return false;
      case Verdict.Close:
        x.hangUp();
        return false;
      case Verdict.Reset:
        x.refuseSilently();
        return false;
      case Verdict.Continue:
      default:
        this.change(x, message, edits);
        return true;
    }
  }

  onResponse(x: Exchange, message: Message, edits: HeadEdits): void {
    const memo = x.memo as ResponseMemo | null;
    if (memo === null) return;
    this.policy.onResponse(memo, viewResponse(message), responseDecision);
    if (!responseDecision.touched) return;
    applyEdits(responseDecision.edits, message, edits, false);
    const { location } = responseDecision;
    if (location === null) return;
    for (let k = message.find('location'); k >= 0; k = message.find('location', k + 1)) message.head.drop(k);
    edits.add('Location', location);
  }

  private change(x: Exchange, message: Message, edits: HeadEdits): void {
    const { path, query, host, switching } = decision;
    x.customKey = decision.hashString;
    // As the last edit, so that there is one Host whatever the others did.
    if (host !== null) decision.edits.push({ action: HOST, value: host });
    if (decision.edits.length > 0) applyEdits(decision.edits, message, edits, true);
    if (path !== null || query !== null) {
      const asked = query ?? message.query;
      edits.target = latin1(`${path ?? message.path}${asked === '' ? '' : `?${asked}`}`);
    }
    if (switching === null) return;
    x.routed = true;
    if (switching.to === 'pool') {
      x.pool = this.targets.pools.get(switching.pool_uuid)!;
      x.routedBy = null;
      const { server } = switching;
      x.wanted = server === undefined ? null : x.pool.serverAt(server, server.port);
    } else {
      x.routedBy = this.targets.groups.get(switching.pool_group_uuid)!;
      x.pool = x.routedBy.choose();
    }
  }
}

const ownResponse = ({ status, fields, body }: Answer): OwnResponse => ({
  status,
  fields,
  body,
  why: status === TOO_MANY ? OWN_BY.RATE_LIMIT : OWN_BY.POLICY,
});

const TOO_MANY = 429;
const HOST = { target: 'header', action: 'replace', name: 'Host' } as const;
