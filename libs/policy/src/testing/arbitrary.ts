import type { HttpPolicySet, NamedTest, RequestMatch, TargetTest, TextTest } from '@spillway/snapshot';
import fc from 'fast-check';
import type { Groups } from '../groups.js';
import type { WrittenRequest } from './messages.js';

/** Little variety, so that rules and requests meet often. */
const host = fc.constantFrom('a.example', 'b.example', 'A.example', 'www.a.example', 'x.test', 'example');
const segment = fc.constantFrom('a', 'b', 'admin', 'Admin', 'api', 'ab', 'x');
const path = fc.array(segment, { maxLength: 4 }).map((s) => `/${s.join('/')}`);
const piece = fc.oneof(path, segment, fc.constantFrom('/', 'ad', 'min', '/a', 'i/', '.example', 'a.', 'e'));
const value = fc.oneof(piece, host, fc.constantFrom('1', '2', 'v1', 'V1', 'q=1', 'q', 'a b'));
const pattern = fc.constantFrom(
  '^/a',
  'admin$',
  'a|b',
  '/[ab]+/',
  'ad.*in',
  '\\d',
  '^/(api|admin)/',
  'v1',
  'EXAMPLE',
  'a.e',
);
const uuids = fc.subarray(['strings-1', 'strings-2'], { maxLength: 1 });

const text: fc.Arbitrary<TextTest> = fc
  .record({
    negated: fc.boolean(),
    operator: fc.constantFrom('exists', 'equals', 'begins_with', 'ends_with', 'contains', 'regex'),
    fold: fc.boolean(),
    values: fc.array(value, { minLength: 1, maxLength: 12 }),
    string_group_uuids: uuids,
  } as const)
  .chain((test) =>
    test.operator === 'regex'
      ? fc
          .array(pattern, { minLength: 1, maxLength: 3 })
          .map((values) => ({ ...test, values, string_group_uuids: [] }))
      : fc.constant(test.operator === 'exists' ? { ...test, values: [], string_group_uuids: [] } : test),
  );
const target: fc.Arbitrary<TargetTest> = fc
  .record({ test: text, decoded: fc.boolean() })
  .map(({ test, decoded }) => ({ ...test, decoded }));
const named = (name: fc.Arbitrary<string>): fc.Arbitrary<NamedTest> =>
  fc.record({ test: text, name }).map(({ test, name: n }) => ({ ...test, name: n }));

const clients = ['192.0.2.1', '192.0.2.9', '198.51.100.7', '2001:db8::1', '2001:db8::ffff', '10.0.0.0'];
const range = fc.constantFrom(
  { first: '192.0.2.0', last: '192.0.2.255' },
  { first: '192.0.2.9', last: '192.0.2.9' },
  { first: '0.0.0.0', last: '255.255.255.255' },
  { first: '2001:db8::', last: '2001:db8::fff' },
  { first: '::', last: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' },
);
const addresses = fc.record({
  negated: fc.boolean(),
  ranges: fc.array(range, { maxLength: 3 }),
  address_group_uuids: fc.subarray(['addresses-1'], { maxLength: 1 }),
});
const set = <T>(of: readonly T[]) =>
  fc.record({ negated: fc.boolean(), values: fc.subarray([...of], { minLength: 1 }) });

/** Mostly one or two criteria, mostly host and path. */
const match: fc.Arbitrary<RequestMatch> = fc
  .record(
    {
      path: target,
      host: text,
      method: set(['GET', 'POST', 'PATCH']),
      query: target,
      client_ip: addresses,
      source_ip: addresses,
      vs_port: set([80, 443]),
      protocol: set(['http', 'https'] as const),
      version: set(['1.0', '1.1', '2.0'] as const),
      cookie: named(fc.constantFrom('sid', 'SID')),
      headers: fc.array(named(fc.constantFrom('X-Api', 'x-api', 'Accept')), { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: [] },
  )
  .chain((all) =>
    fc
      .subarray(Object.keys(all) as (keyof typeof all)[], { maxLength: Math.min(3, Object.keys(all).length) })
      .map((keys) => ({ headers: [], ...Object.fromEntries(keys.map((key) => [key, all[key]])) })),
  );

export const groups: Groups = {
  strings: new Map(
    [
      {
        uuid: 'strings-1',
        name: 's1',
        longest_match: false,
        entries: [{ key: '/admin' }, { key: 'a.example' }, { key: 'v1' }],
      },
      {
        uuid: 'strings-2',
        name: 's2',
        longest_match: true,
        entries: Array.from({ length: 40 }, (_, i) => ({ key: `/a${i === 7 ? '' : i}` })),
      },
    ].map((g) => [g.uuid, g]),
  ),
  addresses: new Map([
    [
      'addresses-1',
      { uuid: 'addresses-1', name: 'a1', ranges: [{ first: '198.51.100.0', last: '198.51.100.255' }] },
    ],
  ]),
};

/** Policy sets whose outcome names the rule: a status for security, a header for requests. */
export const policySets: fc.Arbitrary<HttpPolicySet[]> = fc
  .array(
    fc.record({
      security: fc.array(fc.record({ match, allow: fc.boolean() }), { maxLength: 12 }),
      request: fc.array(match, { maxLength: 40 }),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((sets) =>
    sets.map(({ security, request }, s) => ({
      uuid: `set-${s}`,
      name: `set-${s}`,
      security: security.map((rule, index) => ({
        index,
        name: 'r',
        match: rule.match,
        action: rule.allow
          ? { type: 'allow' as const }
          : { type: 'respond' as const, response: { status: 200 + s * 100 + index } },
      })),
      request: request.map((m, index) => ({
        index,
        name: 'r',
        match: m,
        header_actions: [
          {
            target: 'header' as const,
            action: 'add' as const,
            name: 'x-rule',
            value: { type: 'string' as const, value: `set-${s} ${index}` },
          },
        ],
      })),
      response: [],
    })),
  );

export const request: fc.Arbitrary<WrittenRequest> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PATCH', 'PURGE'),
    path: fc.oneof(
      path,
      path.map((p) => p.replaceAll('a', '%61')),
      path.map((p) => `/${p}`),
      path.map((p) => `${p}%2Fx`),
    ),
    query: fc.constantFrom('', '?', '?q=1', '?q=2&a%20b', '?v1'),
    host: fc.option(
      fc.tuple(host, fc.constantFrom('', ':80', '.', '.:81')).map(([h, p]) => h + p),
      { nil: undefined },
    ),
    cookie: fc.option(fc.constantFrom('sid=1', 'x=2; sid=v1', 'SID=2;sid=a'), { nil: undefined }),
    api: fc.array(fc.constantFrom('v1', 'V1', '2', '/admin'), { maxLength: 2 }),
    client: fc.constantFrom(...clients),
    source: fc.constantFrom(...clients),
    secure: fc.boolean(),
    version: fc.constantFrom('1.0' as const, '1.1' as const, '2.0' as const),
    port: fc.constantFrom(80, 443),
  })
  .map(({ path: p, query, host: h, cookie, api, ...rest }) => ({
    ...rest,
    target: p + query,
    headers: [
      ...(h === undefined ? [] : [['Host', h] as const]),
      ...api.map((v) => ['x-API', v] as const),
      ...(cookie === undefined ? [] : [['Cookie', cookie] as const]),
    ],
  }));
