import type {
  FilledCompressionFilter,
  FilledCompressionProfile,
  FilledIpAddrGroup,
  FilledStringGroup,
} from '@spillway/model';
import { Compression, type AddressRange, type CompressionFilter } from '@spillway/snapshot';
import { ipAddress, isRange, prefixRange } from './address.js';
import { clamp, filledMessage, follow } from './read.js';
import { type Lookup, type Problem, warning } from './types.js';

const PATH = 'application_profile_ref.http_profile.compression_profile';

/** Where the profile names no group. */
const CONTENT_TYPES = [
  'text/*',
  'application/javascript',
  'application/json',
  'application/xml',
  'application/xhtml+xml',
  'application/wasm',
  'image/svg+xml',
];
const MOBILE = ['Android', 'iPhone', 'iPad', 'Mobile', 'Opera Mini', 'webOS'];

const LEVELS = {
  AGGRESSIVE_COMPRESSION: 'aggressive',
  NORMAL_COMPRESSION: 'normal',
  NO_COMPRESSION: 'none',
} as const satisfies Record<FilledCompressionFilter['level'], CompressionFilter['effort']>;

/** Compression of responses; absent when it is off. */
export function compressionOf(
  written: FilledCompressionProfile | undefined,
  lookup: Lookup,
  problems: Problem[],
): Compression | undefined {
  if (written?.compression !== true) return undefined;
  const profile = filledMessage<FilledCompressionProfile>('CompressionProfile', written);
  const strings = (ref: string | undefined, field: string): string[] | undefined =>
    stringsOf(ref, `${PATH}.${field}`, lookup, problems);
  const types = strings(profile.compressible_content_ref, 'compressible_content_ref');
  const lowRtt = clamp(profile.max_low_rtt, 0, 60_000);
  return {
    content_types: types === undefined ? CONTENT_TYPES : contentTypes(types, problems),
    min_length: clamp(profile.min_length, 0, 2_147_483_647),
    normal_level: clamp(profile.level_normal, 1, 9),
    aggressive_level: clamp(profile.level_aggressive, 1, 9),
    remove_accept_encoding: profile.remove_accept_encoding_header,
    rule:
      profile.type === 'AUTO_COMPRESSION'
        ? {
            type: 'auto',
            max_low_rtt: lowRtt,
            min_high_rtt: clamp(profile.min_high_rtt, lowRtt, 60_000),
            mobile: agents(strings(profile.mobile_str_ref, 'mobile_str_ref') ?? MOBILE),
          }
        : {
            type: 'filters',
            filters: [...(profile.filter ?? [])]
              .sort((a, b) => a.index - b.index)
              .flatMap((filter) => filterOf(filter, lookup, problems))
              .slice(0, 64),
          },
  };
}

const agents = (list: readonly string[]): string[] =>
  list.filter((text) => text !== '' && text.length <= 256).slice(0, 256);

/** The keys of a string group; absent when none is named or it is not there. */
function stringsOf(
  ref: string | undefined,
  path: string,
  lookup: Lookup,
  problems: Problem[],
): string[] | undefined {
  if (ref === undefined) return undefined;
  const group = follow(lookup, ref, 'stringgroup');
  if (group !== undefined) return ((group.spec as FilledStringGroup).kv ?? []).map(({ key }) => key);
  problems.push(warning('GROUP_MISSING', path, `string group ${ref} does not exist; the default is used`));
  return undefined;
}

function contentTypes(listed: readonly string[], problems: Problem[]): string[] {
  const { element } = Compression.shape.content_types;
  const found = new Set<string>();
  for (const text of listed) {
    const type = text.trim().toLowerCase();
    if (element.safeParse(type).success) found.add(type);
    else
      problems.push(
        warning(
          'PROFILE_PART_UNUSABLE',
          `${PATH}.compressible_content_ref`,
          `${JSON.stringify(text)} is not a content type such as text/html or text/*`,
        ),
      );
  }
  return [...found].slice(0, 1000);
}

/** Nothing when all that it names turns out to be nobody: without them it would be for everybody. */
function filterOf(filter: FilledCompressionFilter, lookup: Lookup, problems: Problem[]): CompressionFilter[] {
  const devices = stringsOf(filter.devices_ref, `${PATH}.filter.devices_ref`, lookup, problems) ?? [];
  const addresses = [
    ...rangesOf(
      { addrs: filter.ip_addrs, prefixes: filter.ip_addr_prefixes, ranges: filter.ip_addr_ranges },
      filter.name,
      problems,
    ),
    ...rangesOfGroup(filter, lookup, problems),
  ].slice(0, 1000);
  const userAgents = agents([...(filter.user_agent ?? []), ...devices]);
  const named = filter.ip_addrs ?? filter.ip_addr_prefixes ?? filter.ip_addr_ranges ?? filter.ip_addrs_ref;
  if (named !== undefined && addresses.length === 0) return [];
  if ((filter.user_agent ?? filter.devices_ref) !== undefined && userAgents.length === 0) return [];
  return [
    {
      negate: filter.match === 'IS_NOT_IN',
      addresses,
      user_agents: userAgents,
      effort: LEVELS[filter.level],
    },
  ];
}

type Addresses = Partial<Pick<FilledIpAddrGroup, 'addrs' | 'prefixes' | 'ranges'>>;

function rangesOfGroup(filter: FilledCompressionFilter, lookup: Lookup, problems: Problem[]): AddressRange[] {
  const ref = filter.ip_addrs_ref;
  if (ref === undefined) return [];
  const group = follow(lookup, ref, 'ipaddrgroup');
  if (group !== undefined) return rangesOf(group.spec, group.name, problems);
  problems.push(
    warning(
      'GROUP_MISSING',
      `${PATH}.filter.ip_addrs_ref`,
      `IP group ${ref} does not exist; it has no address`,
    ),
  );
  return [];
}

function rangesOf({ addrs, prefixes, ranges }: Addresses, name: string, problems: Problem[]): AddressRange[] {
  const wanted = [
    ...(addrs ?? []).map(({ addr }) => ({ text: addr, range: { first: addr, last: addr } })),
    ...(prefixes ?? []).map(({ ip_addr, mask }) => ({
      text: `${ip_addr.addr}/${mask}`,
      range: prefixRange(ip_addr.addr, mask),
    })),
    ...(ranges ?? []).map(({ begin, end }) => ({
      text: `${begin.addr} to ${end.addr}`,
      range: { first: begin.addr, last: end.addr },
    })),
  ];
  return wanted.flatMap(({ text, range }) => {
    const first = range === undefined ? undefined : ipAddress(range.first);
    const last = range === undefined ? undefined : ipAddress(range.last);
    if (first !== undefined && last !== undefined && isRange(first, last)) return [{ first, last }];
    problems.push(
      warning('PROFILE_PART_UNUSABLE', `${PATH}.filter`, `${text} in ${name} is not an address or a range`),
    );
    return [];
  });
}
