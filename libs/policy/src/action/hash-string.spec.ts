import { describe, expect, it } from '@jest/globals';
import type { HashToken, HttpPolicySet, RequestRule } from '@spillway/snapshot';
import fc from 'fast-check';
import { RequestDecision } from '../decision.js';
import { HttpPolicy } from '../policy.js';
import { factsOf, limitersOf, NO_GROUPS, requestView, type WrittenRequest } from '../testing/messages.js';

const rule = (rest: Partial<RequestRule>): RequestRule => ({
  index: 0,
  name: 'r',
  match: { headers: [] },
  header_actions: [],
  ...rest,
});
const set = (...request: RequestRule[]): HttpPolicySet => ({
  uuid: 'set',
  name: 'set',
  security: [],
  request,
  response: [],
});

function stringOf(written: WrittenRequest, ...sets: HttpPolicySet[]): string | null {
  const decision = new RequestDecision();
  decision.hashString = 'left over';
  decision.touched = true;
  new HttpPolicy(sets, NO_GROUPS, limitersOf()).onRequest(requestView(written), factsOf({}), 0, decision);
  return decision.hashString;
}
const by = (written: WrittenRequest, ...hash_string: HashToken[]): string | null =>
  stringOf(written, set(rule({ hash_string })));

const request: WrittenRequest = {
  target: '/shop/42/cart?user=u7&empty=&flag&user=second',
  headers: [
    ['Host', 'WWW.Example.com:8080'],
    ['X-Tenant', 't1'],
    ['X-Blank', ''],
    ['Cookie', 'a=1; sid=s9; none='],
  ],
  client: '192.0.2.7',
};

describe('the custom string for consistent hash', () => {
  it.each<[string, HashToken[], string | null]>([
    ['a header, in whatever case it is named', [{ type: 'header', name: 'x-TENANT' }], 't1'],
    ['a cookie', [{ type: 'cookie', name: 'sid' }], 's9'],
    ['the first parameter of a name', [{ type: 'parameter', name: 'user' }], 'u7'],
    ['parts of the path', [{ type: 'path', start: 0, end: 1 }], 'shop/42'],
    [
      'parts of the host, without port and in lower case',
      [{ type: 'host', start: 0, end: 65_535 }],
      'www.example.com',
    ],
    ['the client', [{ type: 'client_ip' }], '192.0.2.7'],
    [
      'several, apart from one another',
      [
        { type: 'string', value: 'v1' },
        { type: 'cookie', name: 'sid' },
        { type: 'path', start: 1, end: 1 },
      ],
      'v1\0s9\u000042',
    ],
    ['no header of that name', [{ type: 'header', name: 'x-other' }], null],
    ['a header without a value', [{ type: 'header', name: 'x-blank' }], null],
    ['no cookie of that name', [{ type: 'cookie', name: 'SID' }], null],
    ['a cookie without a value', [{ type: 'cookie', name: 'none' }], null],
    ['no parameter of that name', [{ type: 'parameter', name: 'use' }], null],
    ['parameters without a value', [{ type: 'parameter', name: 'empty' }], null],
    ['a flag', [{ type: 'parameter', name: 'flag' }], null],
    ['no such part of the path', [{ type: 'path', start: 3, end: 3 }], null],
    ['one of several', [{ type: 'client_ip' }, { type: 'cookie', name: 'x' }], null],
  ])('%s', (_what, tokens, expected) => {
    expect(by(request, ...tokens)).toBe(expected);
  });

  it('takes what the match of the rule has captured', () => {
    const match: RequestRule['match'] = {
      headers: [],
      path: {
        negated: false,
        operator: 'regex',
        fold: false,
        values: ['^/shop/(\\d+)'],
        string_group_uuids: [],
        decoded: true,
      },
    };
    const tokens: HashToken[] = [{ type: 'path_capture', start: 1, end: 1 }];
    expect(stringOf(request, set(rule({ match, hash_string: tokens })))).toBe('42');
    expect(stringOf({ ...request, target: '/other' }, set(rule({ match, hash_string: tokens })))).toBeNull();
  });

  it('is that of the first policy set that sets one', () => {
    const tenant = set(rule({ hash_string: [{ type: 'header', name: 'x-tenant' }] }));
    const cookie = set(rule({ hash_string: [{ type: 'cookie', name: 'sid' }] }));
    const nothing = set(rule({ hash_string: [{ type: 'header', name: 'x-other' }] }));
    expect(stringOf(request, tenant, cookie)).toBe('t1');
    expect(stringOf(request, nothing, cookie)).toBe('s9');
  });

  it('finds parameters as a plain reading of the query does', () => {
    const name = fc.constantFrom('a', 'b', 'ab', '');
    const pairs = fc.array(fc.tuple(name, fc.option(fc.constantFrom('', '1', 'x=y', 'a'))), { maxLength: 5 });
    fc.assert(
      fc.property(pairs, fc.constantFrom('a', 'b', 'ab'), (list, wanted) => {
        const query = list.map(([n, v]) => (v === null ? n : `${n}=${v}`)).join('&');
        const value = list.find(([n]) => n === wanted)?.[1] ?? '';
        const expected = value === '' ? null : value;
        expect(by({ target: `/?${query}` }, { type: 'parameter', name: wanted })).toBe(expected);
      }),
    );
  });
});
