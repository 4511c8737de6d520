import type { HttpPolicySet, RequestMatch, RequestRule, TargetTest } from '@spillway/snapshot';
import { RequestDecision } from './decision.js';
import { HttpPolicy } from './policy.js';
import { factsOf, limitersOf, NO_GROUPS, requestView } from './testing/messages.js';

/**
 * What deciding about a request costs, on the runtime that runs it. One line a case, `NAME NANOSECONDS`: the best of
 * several rounds, since whatever else the machine does only adds to it.
 */
const RULES = 1000;

const text = { negated: false, fold: true, string_group_uuids: [] };
const pathTest = (operator: TargetTest['operator'], value: string): TargetTest => ({
  ...text,
  operator,
  values: [value],
  decoded: true,
});
const hostMatch = (value: string): RequestMatch => ({
  headers: [],
  host: { ...text, operator: 'equals', values: [value] },
});
const rule = (index: number, match: RequestMatch): RequestRule => ({
  index,
  name: `rule ${index}`,
  match,
  header_actions: [],
  switching: { to: 'pool', pool_uuid: `pool-${index}` },
});
const setOf = (make: (i: number) => RequestMatch): HttpPolicySet => ({
  uuid: 'set',
  name: 'set',
  security: [],
  request: Array.from({ length: RULES }, (_, i) => rule(i, make(i))),
  response: [],
});

/** Ten paths on each of a hundred hosts. */
const site = (i: number): string => `site-${Math.floor(i / 10)}.example.com`;
const service = (i: number): string => `/api/v1/service-${i % 10}`;
const CASES: Record<string, HttpPolicySet> = {
  none: setOf(() => hostMatch('never.example')),
  hosts: setOf((i) => hostMatch(`site-${i}.example.com`)),
  'host suffixes': setOf((i) => ({
    headers: [],
    host: { ...text, operator: 'ends_with', values: [`.tenant-${i}.example.com`] },
  })),
  'path prefixes': setOf((i) => ({ headers: [], path: pathTest('begins_with', `/api/v1/service-${i}/`) })),
  'paths contain': setOf((i) => ({ headers: [], path: pathTest('contains', `service-${i}x`) })),
  'path patterns': setOf((i) => ({
    headers: [],
    path: pathTest('regex', `^/api/v\\d+/service-${i}/[a-z]+`),
  })),
  'hosts and paths': setOf((i) => ({ ...hostMatch(site(i)), path: pathTest('begins_with', service(i)) })),
  addresses: setOf((i) => ({
    headers: [],
    client_ip: {
      negated: false,
      ranges: [{ first: `10.${i >> 8}.${i & 255}.0`, last: `10.${i >> 8}.${i & 255}.255` }],
      address_group_uuids: [],
    },
  })),
};

const headers = (host: string): [string, string][] => [
  ['Host', host],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36'],
  ['Accept', 'text/html,application/xhtml+xml'],
  ['Cookie', 'sid=0123456789abcdef'],
];
const requests = Array.from({ length: 64 }, (_, i) =>
  requestView({
    target: `/api/v1/service-${(i * 37) % 10}/users/${i}?page=${i}`,
    headers: headers(i % 4 === 0 ? `site-${(i * 13) % 100}.example.com` : `www.tenant-${i * 11}.example.com`),
    client: `10.${i % 3}.${i * 3}.7`,
  }),
);

function nanoseconds(policy: HttpPolicy): number {
  const decision = new RequestDecision();
  const facts = factsOf();
  let best = Infinity;
  for (let round = 0; round < 12; round++) {
    const start = performance.now();
    for (let n = 0; n < 20_000; n++) {
      const view = requests[n & 63]!;
      view.begin();
      policy.onRequest(view, facts, 0, decision);
    }
    best = Math.min(best, ((performance.now() - start) * 1e6) / 20_000);
  }
  return best;
}

for (const [name, set] of Object.entries(CASES)) {
  const policy = new HttpPolicy([set], NO_GROUPS, limitersOf());
  console.log(`${name}: ${nanoseconds(policy).toFixed(0)}`);
}
