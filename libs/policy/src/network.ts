import type { NetworkPolicy } from '@spillway/snapshot';
import type { Groups } from './groups.js';
import { addressKeyOf, addressRanges } from './match/values.js';
import { AddressPredicate, NotPredicate, NumberPredicate, type Predicate } from './match/predicate.js';
import { Predicates } from './match/predicates.js';
import { RuleSet } from './match/rule-set.js';
import { type Peer, peer } from './match/view.js';
import type { RateLimiter, RateLimiters } from './rate-limiter.js';

/** A connection as rules read it; one object serves all. */
export class ConnectionView {
  client: Peer = peer('');
  source: Peer = this.client;
  clientPort = 0;
  /** Of the virtual service. */
  port = 0;
}

type NetworkRule = NetworkPolicy['rules'][number];

const readClientPort = (view: ConnectionView): number => view.clientPort;
const readPort = (view: ConnectionView): number => view.port;

/**
 * Who may connect: the first rule that matches decides, and who matches none is let in. A rate that is not exceeded
 * is as if the rule had not matched.
 */
export class CompiledNetworkPolicy {
  private readonly predicates = new Predicates<ConnectionView>();
  private readonly rules: RuleSet<ConnectionView>;
  private readonly limiters: readonly (RateLimiter | null)[];
  readonly hits: Float64Array;

  /** @throws {PolicyError} */
  constructor(
    readonly policy: NetworkPolicy,
    groups: Groups,
    limiters: RateLimiters,
  ) {
    const criteria = policy.rules.map((rule, i) => this.criteria(rule, groups, `rules[${i}]`));
    this.predicates.seal();
    this.rules = new RuleSet(this.predicates, criteria);
    this.limiters = policy.rules.map(({ action, index }) =>
      action.type === 'rate_limit'
        ? limiters.limiter(`${policy.uuid}/${index}`, { count: action.rate, period: 1, burst: action.burst })
        : null,
    );
    this.hits = new Float64Array(policy.rules.length);
  }

  /**
   * @param now milliseconds of a clock that never goes back
   * @returns false when the connection is not to be
   */
  admit(view: ConnectionView, now: number): boolean {
    this.predicates.begin();
    for (let rule = this.rules.first(view, -1); rule >= 0; rule = this.rules.first(view, rule)) {
      this.hits[rule]!++;
      const { type } = this.policy.rules[rule]!.action;
      if (type === 'rate_limit' && this.limiters[rule]!.take('', now)) continue;
      return type === 'allow';
    }
    return true;
  }

  private criteria(rule: NetworkRule, groups: Groups, path: string): number[] {
    const criteria: number[] = [];
    const add = (key: string, negated: boolean, make: () => Predicate<ConnectionView>): void => {
      const { predicates } = this;
      const inner = predicates.number(key, make);
      criteria.push(
        negated ? predicates.number(`not ${key}`, () => new NotPredicate(predicates, inner)) : inner,
      );
    };
    const { client_ip, client_port, vs_port } = rule;
    if (client_ip !== undefined) {
      const ranges = addressRanges(client_ip, groups, `${path}.client_ip`);
      add(
        `client ${addressKeyOf(client_ip)}`,
        client_ip.negated,
        () => new AddressPredicate('client', ranges),
      );
    }
    if (client_port !== undefined)
      add(
        `client port ${client_port.ranges.map((r) => `${r.begin}-${r.end}`).join()}`,
        client_port.negated,
        () => new NumberPredicate(readClientPort, client_port.ranges),
      );
    if (vs_port !== undefined)
      add(
        `port ${vs_port.values.join()}`,
        vs_port.negated,
        () =>
          new NumberPredicate(
            readPort,
            vs_port.values.map((value) => ({ begin: value, end: value })),
          ),
      );
    return criteria;
  }
}
