import type { AddressTest, HttpPolicySet, RequestMatch, TextTest } from '@spillway/snapshot';
import type { Groups } from '../groups.js';
import type { WrittenRequest } from './messages.js';

const list = (text: string): string[] => text.split(':').filter((part) => part !== '');

/** Addresses as numbers, IPv4 behind `::ffff:`. */
function bits(address: string): bigint {
  if (!address.includes(':')) return address.split('.').reduce((n, part) => n * 256n + BigInt(part), 0xffffn);
  const [left = '', right] = address.split('::');
  const all =
    right === undefined
      ? list(left)
      : [
          ...list(left),
          ...Array<string>(8 - list(left).length - list(right).length).fill('0'),
          ...list(right),
        ];
  return all.reduce((n, part) => n * 65536n + BigInt(`0x${part}`), 0n);
}

function addressFits(test: AddressTest, address: string, groups: Groups): boolean {
  const ranges = [
    ...test.ranges,
    ...test.address_group_uuids.flatMap((uuid) => groups.addresses.get(uuid)!.ranges),
  ];
  const at = bits(address);
  return ranges.some((r) => bits(r.first) <= at && at <= bits(r.last)) !== test.negated;
}

function textFits(
  test: TextTest,
  texts: readonly string[],
  groups: Groups,
  adapt = (value: string) => value,
): boolean {
  const values = [
    ...test.values,
    ...test.string_group_uuids.flatMap((uuid) => groups.strings.get(uuid)!.entries.map((e) => e.key)),
  ].map(adapt);
  const one = (text: string, value: string): boolean => {
    if (test.operator === 'regex') return new RegExp(value, test.fold ? 'i' : '').test(text);
    const [t, v] = test.fold ? [text.toLowerCase(), value.toLowerCase()] : [text, value];
    switch (test.operator) {
      case 'equals':
        return t === v;
      case 'begins_with':
        return t.startsWith(v);
      case 'ends_with':
        return t.endsWith(v);
      case 'contains':
      case 'exists':
      default:
        return t.includes(v);
    }
  };
  const held =
    test.operator === 'exists' ? texts.length > 0 : texts.some((t) => values.some((v) => one(t, v)));
  return held !== test.negated;
}

const among = (set: { negated: boolean; values: readonly unknown[] } | undefined, value: unknown): boolean =>
  set === undefined || set.values.includes(value) !== set.negated;

const decode = (text: string): string =>
  text.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

export const normalPath = (path: string): string => decode(path).replace(/\/{2,}/g, '/');

function parts(request: WrittenRequest): { path: string; query: string | undefined } {
  const target = request.target.replace(/^https?:\/\/[^/?]*/i, '');
  const at = target.indexOf('?');
  return {
    path: (at < 0 ? target : target.slice(0, at)) || '/',
    query: at < 0 ? undefined : target.slice(at + 1),
  };
}

/** Says what `match` means in the plainest way. */
export function fits(match: RequestMatch, request: WrittenRequest, groups: Groups): boolean {
  const { method = 'GET', headers = [], version = '1.1', secure = false, port = 80 } = request;
  const { client = '192.0.2.1', source = client } = request;
  const { path, query } = parts(request);
  const lines = (name: string): string[] =>
    headers.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, v]) => v);
  const host = lines('host').map((h) => h.replace(/:\d+$/, '').replace(/(?<=.)\.$/, ''));
  const cookies = lines('cookie')
    .flatMap((line) => line.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${match.cookie?.name}=`))
    .map((pair) => pair.slice(pair.indexOf('=') + 1));
  const slash = (value: string): string =>
    (match.path?.operator === 'equals' || match.path?.operator === 'begins_with') && !value.startsWith('/')
      ? `/${value}`
      : value;
  const undotted = (value: string): string =>
    match.host?.operator === 'equals' || match.host?.operator === 'ends_with'
      ? value.replace(/(?<=.)\.$/, '')
      : value;
  const queries = query === undefined ? [] : [match.query?.decoded === true ? decode(query) : query];
  return (
    (match.client_ip === undefined || addressFits(match.client_ip, client, groups)) &&
    (match.source_ip === undefined || addressFits(match.source_ip, source, groups)) &&
    among(match.vs_port, port) &&
    among(match.protocol, secure ? 'https' : 'http') &&
    among(match.version, version) &&
    among(match.method, method) &&
    (match.host === undefined || textFits(match.host, host, groups, undotted)) &&
    (match.path === undefined ||
      textFits(match.path, [match.path.decoded ? normalPath(path) : path], groups, slash)) &&
    (match.query === undefined || textFits(match.query, queries, groups)) &&
    match.headers.every((test) => textFits(test, lines(test.name), groups)) &&
    (match.cookie === undefined || textFits(match.cookie, cookies, groups))
  );
}

/** Which rule of security answers, and which request rule each set takes; rules of security are `allow` or `respond`. */
export function decide(
  sets: readonly HttpPolicySet[],
  request: WrittenRequest,
  groups: Groups,
): { status: number } | { taken: string[] } {
  security: for (const set of sets)
    for (const { match, action } of set.security)
      if (fits(match, request, groups)) {
        if (action.type === 'respond') return { status: action.response.status };
        break security;
      }
  const taken: string[] = [];
  for (const set of sets) {
    const rule = set.request.find(({ match }) => fits(match, request, groups));
    if (rule !== undefined) taken.push(`${set.uuid} ${rule.index}`);
  }
  return { taken };
}
