import { describe, expect, it } from '@jest/globals';
import type {
  HeaderAction,
  HttpPolicySet,
  RequestMatch,
  RequestRule,
  ResponseRule,
  SecurityAction,
  TextTest,
} from '@spillway/snapshot';
import { RequestDecision, Verdict } from './decision.js';
import { PolicyError } from './groups.js';
import { HttpPolicy } from './policy.js';
import { ResponseDecision } from './response.js';
import {
  factsOf,
  limitersOf,
  NO_GROUPS,
  requestView,
  responseView,
  type WrittenRequest,
} from './testing/messages.js';

const any: RequestMatch = { headers: [] };
const text = (operator: TextTest['operator'], ...values: string[]): TextTest => ({
  negated: false,
  operator,
  fold: true,
  values,
  string_group_uuids: [],
});
const path = (operator: TextTest['operator'], ...values: string[]): RequestMatch => ({
  headers: [],
  path: { ...text(operator, ...values), decoded: true },
});
const security = (action: SecurityAction, match = any, index = 0) => ({ index, name: 's', match, action });
const deny = (match = any): HttpPolicySet['security'][number] =>
  security({ type: 'respond', response: { status: 403, content_type: 'text/plain', body: 'no' } }, match);
const request = (rule: Partial<RequestRule>): RequestRule => ({
  index: 0,
  name: 'r',
  match: any,
  header_actions: [],
  ...rule,
});
const response = (
  rule: Omit<Partial<ResponseRule>, 'match'> & { match?: Partial<ResponseRule['match']> },
): ResponseRule => ({
  index: 0,
  name: 'p',
  header_actions: [],
  ...rule,
  match: { request: any, headers: [], ...rule.match },
});
const set = (parts: Partial<HttpPolicySet>): HttpPolicySet => ({
  uuid: 'set',
  name: 'set',
  security: [],
  request: [],
  response: [],
  ...parts,
});
const header = (action: HeaderAction['action'], name: string, value?: string): HeaderAction => ({
  target: 'header',
  action,
  name,
  ...(value === undefined ? {} : { value: { type: 'string', value } }),
});

function decide(sets: HttpPolicySet[], written: WrittenRequest, limiters = limitersOf(), facts = {}) {
  const decision = new RequestDecision();
  const policy = new HttpPolicy(sets, NO_GROUPS, limiters);
  policy.onRequest(requestView(written), factsOf(facts), 0, decision);
  return { policy, decision };
}
const outcome = (sets: HttpPolicySet[], written: WrittenRequest, limiters = limitersOf()): unknown => {
  const { decision } = decide(sets, written, limiters);
  if (decision.verdict === Verdict.Answer) return decision.answer!.status;
  return decision.verdict;
};
const get = (target: string, rest: Partial<WrittenRequest> = {}): WrittenRequest => ({
  target,
  headers: [['Host', 'www.example.com']],
  ...rest,
});

const rate = (exceeded: object, per = {}): HttpPolicySet =>
  set({
    security: [
      security({
        type: 'rate_limit',
        count: 1,
        period: 1,
        burst: 0,
        per_client_ip: false,
        per_uri_path: false,
        exceeded,
        ...per,
      } as SecurityAction),
      deny(path('equals', '/shut')),
    ],
  });

describe('rules of security', () => {
  const noAdmin = set({ security: [deny(path('begins_with', '/admin'))] });

  it.each([
    '/admin',
    '/ADMIN/x',
    '//admin',
    '/%61dmin',
    '/%2Fadmin',
    '///%2fAdmin',
    'http://www.example.com/admin',
    'http://www.example.com//admin?x',
    '/admin/',
    '/admin;x',
    '/admin%2Fx',
  ])('cannot be passed by another spelling: %s', (target) => {
    expect(outcome([noAdmin], get(target))).toBe(403);
  });

  it.each([
    '/a/../admin',
    '/a/%2e%2e/admin',
    '/./admin',
    '/a%2f..%2fadmin',
    '/x/..;/admin',
    '/x\\..\\admin',
    '/admin%00',
    '/%2e/admin',
  ])('refuse what servers may resolve to something else: %s', (target) => {
    expect(outcome([noAdmin], get(target))).toBe(400);
    // Nobody asks for the path: then it is left alone.
    expect(
      outcome([set({ security: [deny({ headers: [], host: text('equals', 'x') })] })], get(target)),
    ).toBe(Verdict.Continue);
  });

  it('stop at allow, over all sets, and go on to request rules', () => {
    const allow = set({
      security: [security({ type: 'allow' }, path('equals', '/open')), deny()],
      request: [request({ switching: { to: 'pool', pool_uuid: 'p' } })],
    });
    expect(outcome([allow, set({ security: [deny()] })], get('/shut'))).toBe(403);
    const { decision } = decide([allow, set({ security: [deny()] })], get('/open'));
    expect([decision.verdict, decision.switching]).toEqual([
      Verdict.Continue,
      { to: 'pool', pool_uuid: 'p' },
    ]);
  });

  it('come before request rules, also of sets before', () => {
    const redirect = set({
      request: [request({ redirect: { protocol: 'https', keep_query: true, status: 302 } })],
    });
    expect(outcome([redirect, noAdmin], get('/admin'))).toBe(403);
    expect(outcome([redirect, noAdmin], get('/other'))).toBe(302);
  });

  it('close and redirect', () => {
    expect(outcome([set({ security: [security({ type: 'close' })] })], get('/'))).toBe(Verdict.Close);
    const https = set({ security: [security({ type: 'redirect_to_https', port: 8443 }), deny()] });
    const { decision } = decide([https], get('/a?b=1'));
    expect(decision.answer).toMatchObject({
      status: 302,
      fields: [['Location', 'https://www.example.com:8443/a?b=1']],
    });
    // What came by HTTPS already is for the next rule.
    expect(outcome([https], get('/', { secure: true }))).toBe(403);
  });

  it('limit rates, per client and path if so wanted', () => {
    const respond = rate({ type: 'respond', response: { status: 429 } });
    expect(outcome([respond], get('/'), limitersOf(1))).toBe(Verdict.Continue);
    expect(outcome([respond], get('/'), limitersOf(0))).toBe(429);
    // Within the rate the rules behind are asked.
    expect(outcome([respond], get('/shut'), limitersOf(1))).toBe(403);
    expect(outcome([rate({ type: 'none' })], get('/'), limitersOf(0))).toBe(Verdict.Continue);
    expect(outcome([rate({ type: 'close' })], get('/'), limitersOf(0))).toBe(Verdict.Close);
    expect(outcome([rate({ type: 'reset' })], get('/'), limitersOf(0))).toBe(Verdict.Reset);
    const redirect = {
      protocol: 'http',
      keep_query: false,
      status: 307,
      host: [{ type: 'string', value: 'busy.example' }],
    };
    expect(outcome([rate({ type: 'redirect', redirect })], get('/'), limitersOf(0))).toBe(307);

    const limiters = limitersOf();
    outcome(
      [rate({ type: 'none' }, { per_client_ip: true, per_uri_path: true })],
      get('//a?q', { client: '192.0.2.7' }),
      limiters,
    );
    outcome([rate({ type: 'none' })], get('/b'), limiters);
    expect(limiters.keys).toEqual(['192.0.2.7 /a', '']);
    // Nor can a path be counted as many by spelling it in ways that lead to it.
    expect(outcome([rate({ type: 'none' }, { per_uri_path: true })], get('/./a'))).toBe(400);
  });
});

const bad = (match: RequestMatch) => () =>
  new HttpPolicy([set({ request: [request({ match })] })], NO_GROUPS, limitersOf());

describe('request rules', () => {
  it('take the first that matches of each set; header actions add up, the first to switch or rewrite decides', () => {
    const first = set({
      uuid: 'a',
      request: [
        request({ match: path('begins_with', '/nope') }),
        request({
          index: 7,
          match: path('begins_with', '/api'),
          switching: { to: 'pool', pool_uuid: 'api' },
          rewrite: {
            path: [
              { type: 'string', value: 'v2' },
              { type: 'path', start: 1, end: 65_535 },
            ],
          },
          header_actions: [header('add', 'X-A', '1')],
        }),
        request({ switching: { to: 'local', response: { status: 404 } } }),
      ],
    });
    const second = set({
      uuid: 'b',
      request: [
        request({
          switching: { to: 'pool_group', pool_group_uuid: 'late' },
          rewrite: {
            path: [{ type: 'string', value: 'late' }],
            host: [
              { type: 'string', value: 'in' },
              { type: 'host', start: 1, end: 65_535 },
            ],
            query: { keep_query: true, add_query: 'y=2' },
          },
          header_actions: [header('remove', 'X-B')],
        }),
      ],
    });
    const { policy, decision } = decide([first, second], get('/api/users/7?x=1'));
    expect(decision).toMatchObject({
      verdict: Verdict.Continue,
      switching: { to: 'pool', pool_uuid: 'api' },
      path: '/v2/users/7',
      host: 'in.example.com',
      query: 'x=1&y=2',
    });
    expect(decision.edits.map((e) => [e.action.action, e.action.name, e.value])).toEqual([
      ['add', 'X-A', '1'],
      ['remove', 'X-B', undefined],
    ]);
    expect(policy.hits.map((h) => [h.policy_set_uuid, h.phase, [...h.hits]])).toEqual([
      ['a', 'request', [0, 1, 0]],
      ['b', 'request', [1]],
    ]);
    expect(outcome([first, second], get('/else'))).toBe(404);
  });

  it('give headers values of the request and of its connection', () => {
    const rules = set({
      request: [
        request({
          header_actions: [
            {
              target: 'header',
              action: 'add',
              name: 'X-Client',
              value: { type: 'variable', variable: 'client_ip' },
            },
            { target: 'header', action: 'add', name: 'X-Host', value: { type: 'header', name: 'host' } },
            { target: 'header', action: 'add', name: 'X-None', value: { type: 'header', name: 'absent' } },
          ],
        }),
      ],
    });
    const { decision } = decide([rules], get('/'), limitersOf(), { client_ip: '192.0.2.1' });
    expect(decision.edits.map((e) => e.value)).toEqual(['192.0.2.1', 'www.example.com', undefined]);
  });

  it('map keys of a string group to values, by the first or the longest', () => {
    const entries = [
      { key: '/old', value: '/new' },
      { key: '/old/shop', value: '/shop' },
    ];
    for (const [longest_match, expected] of [
      [false, 'https://www.example.com/new'],
      [true, 'https://www.example.com/shop'],
    ] as const) {
      const strings = new Map([['g', { uuid: 'g', name: 'g', entries, longest_match }]]);
      const rules = set({
        request: [
          request({
            match: {
              headers: [],
              path: { ...text('begins_with'), string_group_uuids: ['g'], decoded: true },
            },
            redirect: { protocol: 'https', keep_query: false, status: 301, path: [{ type: 'string_group' }] },
          }),
        ],
      });
      const decision = new RequestDecision();
      new HttpPolicy([rules], { ...NO_GROUPS, strings }, limitersOf()).onRequest(
        requestView(get('/old/shop/1')),
        factsOf(),
        0,
        decision,
      );
      expect(decision.answer?.fields).toEqual([['Location', expected]]);
    }
  });

  it('use what an expression captured', () => {
    const rules = set({
      request: [
        request({
          match: path('regex', '^/shop/(\\d+)/(.*)'),
          rewrite: {
            path: [
              { type: 'string', value: 'item' },
              { type: 'path_capture', start: 1, end: 1 },
            ],
          },
        }),
      ],
    });
    expect(decide([rules], get('/shop/77/red')).decision.path).toBe('/item/77');
  });

  it('say what they cannot be made of', () => {
    expect(bad(path('regex', '(a)\\1'))).toThrow(PolicyError);
    expect(bad(path('regex', '(a)\\1'))).toThrow(/^request\[0\]\.match\.path: /);
    expect(bad({ headers: [], host: { ...text('equals'), string_group_uuids: ['gone'] } })).toThrow(
      /string group gone/,
    );
  });
});

describe('response rules', () => {
  const rules = set({
    response: [
      response({
        match: {
          request: path('begins_with', '/api'),
          status: { negated: false, ranges: [{ begin: 500, end: 599 }] },
        },
        header_actions: [
          header('replace', 'Retry-After', '1'),
          { target: 'header', action: 'add', name: 'X-Asked', value: { type: 'header', name: 'host' } },
        ],
      }),
      response({
        index: 1,
        match: { location: text('begins_with', 'http://') },
        location: { protocol: 'https', keep_query: true },
      }),
    ],
  });

  it('ask about the request as it was sent, and about the response', () => {
    const { policy, decision } = decide([rules], get('/api/x'));
    const out = new ResponseDecision();
    policy.onResponse(decision.memo!, responseView(503, [['Location', 'http://in/']]), out);
    expect(out.edits.map((e) => [e.action.name, e.value])).toEqual([
      ['Retry-After', '1'],
      ['X-Asked', 'www.example.com'],
    ]);
    expect(out.location).toBeNull();
    policy.onResponse(decision.memo!, responseView(302, [['location', 'http://in/a']]), out);
    expect([out.edits, out.location]).toEqual([[], 'https://in/a']);
    policy.onResponse(decision.memo!, responseView(200, []), out);
    expect([out.touched, out.location]).toEqual([false, null]);
    expect([...policy.hits[0]!.hits]).toEqual([1, 1]);
  });

  it('leave the same for every request when they ask nothing of it', () => {
    const plain = set({ response: [response({ header_actions: [header('add', 'X-A', '1')] })] });
    const policy = new HttpPolicy([plain], NO_GROUPS, limitersOf());
    const memos = ['/a', '/b'].map((target) => {
      const decision = new RequestDecision();
      policy.onRequest(requestView(get(target)), factsOf(), 0, decision);
      return decision.memo!;
    });
    expect(memos[0]).toBe(memos[1]);
    const out = new ResponseDecision();
    policy.onResponse(memos[0]!, responseView(200, []), out);
    expect(out.edits.map((e) => e.value)).toEqual(['1']);
  });

  it('leave no memo of a request that none of them can match', () => {
    const narrow = set({ response: [rules.response[0]!] });
    expect(decide([narrow], get('/other')).decision.memo).toBeNull();
  });
});
