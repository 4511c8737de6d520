import type { L4Rule } from '@spillway/snapshot';
import type { Pool } from '../core/pool.js';
import type { PoolGroup } from '../core/pool-group.js';
import { Ranges } from '../core/ranges.js';

/** What the rules of an L4 service look at. */
export interface L4Facts {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  /** Of the virtual service. */
  readonly port: number;
  /** That a client of TLS asks for, in lower case; empty without one. */
  readonly serverName: string;
}

type Test = (facts: L4Facts) => boolean;

interface Rule {
  readonly tests: readonly Test[];
  readonly target: L4Target;
}

/** Where a rule sends. */
export type L4Target = Pool | PoolGroup;

/** The rules of one L4 service, made once per configuration. */
export class L4Rules {
  /** The name that a client asks for has to be known before its pool is. */
  readonly byServerName: boolean;
  private readonly rules: readonly Rule[];

  /** @param targetOf the pool or group of a rule; throws when there is none */
  constructor(specs: readonly L4Rule[], targetOf: (rule: L4Rule) => L4Target) {
    this.byServerName = specs.some((s) => s.server_name !== undefined);
    this.rules = specs.map((spec) => ({ tests: testsOf(spec), target: targetOf(spec) }));
  }

  /** Where the first rule that fits sends; null when none does. */
  targetFor(facts: L4Facts): L4Target | null {
    for (const { tests, target } of this.rules) {
      let fits = true;
      for (const test of tests) fits &&= test(facts);
      if (fits) return target;
    }
    return null;
  }

  get targets(): readonly L4Target[] {
    return this.rules.map((r) => r.target);
  }
}

function testsOf(spec: L4Rule): Test[] {
  const tests: Test[] = [];
  const add = (negated: boolean, holds: Test): void =>
    void tests.push(negated ? (facts) => !holds(facts) : holds);
  const { client, port, protocol, server_name: name } = spec;
  if (protocol !== undefined) add(protocol.negated, (f) => f.protocol === protocol.protocol);
  if (port !== undefined)
    add(port.negated, (f) => port.ranges.some((r) => f.port >= r.begin && f.port <= r.end));
  if (client !== undefined) {
    const ranges = new Ranges(client.ranges);
    add(client.negated, (f) => ranges.has(f.address));
  }
  if (name !== undefined) {
    const holds = nameTest(name.operator, name.values);
    add(name.negated, (f) => holds(f.serverName));
  }
  return tests;
}

function nameTest(
  operator: NonNullable<L4Rule['server_name']>['operator'],
  values: readonly string[],
): (name: string) => boolean {
  const lower = values.map((v) => v.toLowerCase());
  if (operator === 'equals') {
    const all = new Set(lower);
    return (name) => all.has(name);
  }
  if (operator === 'begins_with') return (name) => lower.some((v) => name.startsWith(v));
  if (operator === 'ends_with') return (name) => lower.some((v) => name.endsWith(v));
  return (name) => lower.some((v) => name.includes(v));
}
