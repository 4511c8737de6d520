import { Regex, RegexError } from '@spillway/policy';
import type { FieldError } from '../errors.js';
import type {
  FilledCookieMatch,
  FilledHTTPHashStringAction,
  FilledHTTPHashStringToken,
  FilledHTTPHdrAction,
  FilledHTTPRequestRule,
  FilledHTTPSecurityAction,
  FilledHTTPStatusMatch,
  FilledHTTPSwitchingAction,
  FilledHdrMatch,
  FilledHostHdrMatch,
  FilledIpAddrMatch,
  FilledPathMatch,
  FilledQueryMatch,
  FilledRateLimiterAction,
  FilledURIParamToken,
} from '../generated/filled.js';
import { refuse } from './rule.js';

type Check<T> = (value: T, path: string) => FieldError[];

const TOKEN = /^[!#$%&'*+\-.^_`|~\da-z]{1,256}$/i;
/** What ends a line, or worse, has no place in a header or a target. */
// eslint-disable-next-line no-control-regex
const isClean = (text: string): boolean => !/[\0-\x08\x0a-\x1f\x7f]/.test(text);

const isEmpty = (list: readonly unknown[] | undefined): boolean => (list ?? []).length === 0;

function regexes(values: readonly string[] | undefined, path: string): FieldError[] {
  return (values ?? []).flatMap((value, i) => {
    try {
      void new Regex(value, false);
      return [];
    } catch (err) {
      if (!(err instanceof RegexError)) throw err;
      return [
        refuse(
          `${path}[${i}]`,
          `the regular expression cannot be used: ${err.message}`,
          'Correct it; what cannot be matched in linear time (references back, looking around) is not supported',
          value,
        ),
      ];
    }
  });
}

const needsValue = (path: string, criteria: string): FieldError =>
  refuse(path, `${criteria} compares with nothing`, 'Give at least one value', undefined);

/** A path with this in it never comes to the comparison, or never in this form. */
function impossiblePath(
  value: string,
  { match_decoded_string: decoded, match_criteria: criteria }: FilledPathMatch,
) {
  if (/(^|[/\\])\.\.?($|[/\\;])/.test(value))
    return {
      problem: 'paths with a segment . or .. are refused before rules are asked',
      remedy: 'Write the path that it leads to',
    };
  if (decoded && !criteria.startsWith('REGEX') && /%[\da-f]{2}/i.test(value))
    return {
      problem: 'paths are compared decoded',
      remedy: 'Write the character itself, or set match_decoded_string to false',
    };
  if (/[?#]/.test(value) && !criteria.startsWith('REGEX'))
    return { problem: 'a path ends at ? and #', remedy: 'Match the query by query' };
  return undefined;
}

const pathMatch: Check<FilledPathMatch> = (match, path) => {
  const { match_criteria: criteria, match_str: values } = match;
  if (isEmpty(values) && isEmpty(match.string_group_refs)) return [needsValue(`${path}.match_str`, criteria)];
  if (criteria.startsWith('REGEX')) return regexes(values, `${path}.match_str`);
  return (values ?? []).flatMap((value, i) => {
    const impossible = impossiblePath(value, match);
    return impossible === undefined
      ? []
      : [refuse(`${path}.match_str[${i}]`, impossible.problem, impossible.remedy, value)];
  });
};

const queryMatch: Check<FilledQueryMatch> = (
  { match_criteria: criteria, match_str, string_group_refs },
  path,
) => {
  if (criteria.endsWith('EXISTS') || criteria.endsWith('EXIST')) return [];
  if (isEmpty(match_str) && isEmpty(string_group_refs)) return [needsValue(`${path}.match_str`, criteria)];
  return criteria.includes('REGEX') ? regexes(match_str, `${path}.match_str`) : [];
};

const asksForExistence = (criteria: string): boolean =>
  criteria === 'HDR_EXISTS' || criteria === 'HDR_DOES_NOT_EXIST';

const valuesMatch: Check<FilledHostHdrMatch> = ({ match_criteria: criteria, value }, path) =>
  asksForExistence(criteria) || !isEmpty(value) ? [] : [needsValue(`${path}.value`, criteria)];

const headerMatch: Check<FilledHdrMatch> = (match, path) => [
  ...valuesMatch(match, path),
  ...(TOKEN.test(match.hdr)
    ? []
    : [refuse(`${path}.hdr`, `${JSON.stringify(match.hdr)} is not a header name`, 'Correct it', match.hdr)]),
];

const cookieMatch: Check<FilledCookieMatch> = ({ match_criteria: criteria, value, name }, path) => [
  ...(asksForExistence(criteria) || value !== undefined ? [] : [needsValue(`${path}.value`, criteria)]),
  ...(TOKEN.test(name)
    ? []
    : [refuse(`${path}.name`, `${JSON.stringify(name)} is not a name of a cookie`, 'Correct it', name)]),
];

const addressMatch: Check<FilledIpAddrMatch> = ({ addrs, prefixes, ranges, group_refs }, path) => {
  if ([addrs, prefixes, ranges, group_refs].every(isEmpty))
    return [
      refuse(path, 'it names no address', 'Give addrs, prefixes, ranges or group_refs, or remove the match'),
    ];
  return (addrs ?? []).flatMap(({ type, addr }, i) =>
    type === 'DNS'
      ? [
          refuse(
            `${path}.addrs[${i}].type`,
            'requests come from addresses, not from names',
            'Give the address',
            addr,
          ),
        ]
      : [],
  );
};

const statusMatch: Check<FilledHTTPStatusMatch> = ({ status_codes, ranges }, path) =>
  isEmpty(status_codes) && isEmpty(ranges)
    ? [refuse(path, 'it names no status', 'Give status_codes or ranges, or remove the match')]
    : [];

const switchingAction: Check<FilledHTTPSwitchingAction> = (action, path) => {
  const needed =
    action.action === 'HTTP_SWITCHING_SELECT_POOL' && action.pool_ref === undefined
      ? 'pool_ref'
      : action.action === 'HTTP_SWITCHING_SELECT_POOLGROUP' && action.pool_group_ref === undefined
        ? 'pool_group_ref'
        : undefined;
  if (needed !== undefined)
    return [refuse(`${path}.${needed}`, `${action.action} needs it`, 'Set it, or choose another action')];
  if (
    action.action === 'HTTP_SWITCHING_SELECT_LOCAL' &&
    action.status_code === undefined &&
    action.other_status_code === undefined &&
    action.file === undefined
  )
    return [
      refuse(
        `${path}.status_code`,
        `${action.action} needs a status or a file`,
        'Set status_code, other_status_code or file',
      ),
    ];
  return [];
};

const uriToken: Check<FilledURIParamToken> = ({ type, str_value, start_index, end_index }, path) => {
  if (type === 'URI_TOKEN_TYPE_STRING') {
    if (str_value !== undefined && isClean(str_value)) return [];
    return [
      refuse(`${path}.str_value`, `${type} needs a text without control characters`, 'Set it', str_value),
    ];
  }
  if (type === 'URI_TOKEN_TYPE_STRING_GROUP' || end_index === undefined || end_index >= (start_index ?? 0))
    return [];
  return [
    refuse(
      `${path}.end_index`,
      `${end_index} is below start_index ${start_index}`,
      'Set it to the last part, or to 65535 for all that follow',
      end_index,
    ),
  ];
};

/** What frames a message, or belongs to one connection, is the proxy's own (RFC 9110 section 7.6.1, RFC 9112 section 6). */
const RESERVED =
  /^(connection|content-length|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

const headerAction: Check<FilledHTTPHdrAction> = ({ action, hdr, cookie }, path) => {
  if (hdr?.name === undefined && cookie?.name === undefined)
    return [
      refuse(`${path}.hdr.name`, `${action} needs a header or a cookie`, 'Set hdr.name or cookie.name'),
    ];
  const errors: FieldError[] = [];
  const removes = action === 'HTTP_REMOVE_HDR';
  if (hdr?.name !== undefined) {
    if (
      !TOKEN.test(hdr.name) ||
      RESERVED.test(hdr.name) ||
      (/^host$/i.test(hdr.name) && action !== 'HTTP_REPLACE_HDR')
    )
      errors.push(
        refuse(
          `${path}.hdr.name`,
          `${JSON.stringify(hdr.name)} is not a header that ${action} may change`,
          'Choose another header',
          hdr.name,
        ),
      );
    const { val, var: variable } = hdr.value ?? {};
    if (!removes && val === undefined && variable === undefined)
      errors.push(refuse(`${path}.hdr.value`, `${action} needs a value`, 'Set val or var'));
    if (val !== undefined && !isClean(val))
      errors.push(refuse(`${path}.hdr.value.val`, 'it holds a control character', 'Remove it', val));
    if (variable === 'HTTP_POLICY_VAR_HTTP_HDR' && !TOKEN.test(val ?? ''))
      errors.push(
        refuse(`${path}.hdr.value.val`, `${variable} needs the name of a header there`, 'Set it', val),
      );
  }
  if (cookie?.name !== undefined) {
    if (!TOKEN.test(cookie.name))
      errors.push(refuse(`${path}.cookie.name`, 'it is not a name of a cookie', 'Correct it', cookie.name));
    const value = cookie.value ?? '';
    if (!/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/.test(value))
      errors.push(
        refuse(
          `${path}.cookie.value`,
          'it holds a character that cookies cannot',
          'Encode it, for example as %20',
          value,
        ),
      );
    if (!removes && cookie.value === undefined)
      errors.push(refuse(`${path}.cookie.value`, `${action} needs a value`, 'Set it'));
  }
  return errors;
};

const securityAction: Check<FilledHTTPSecurityAction> = ({ action, rate_profile }, path) =>
  action === 'HTTP_SECURITY_ACTION_RATE_LIMIT' && rate_profile === undefined
    ? [refuse(`${path}.rate_profile`, `${action} needs it`, 'Set it, or choose another action')]
    : [];

/** Tokens that are named, and what they are of. */
const NAMED_TOKENS: Readonly<Record<string, string>> = {
  URI_TOKEN_TYPE_HEADER: 'header',
  URI_TOKEN_TYPE_COOKIE: 'cookie',
  URI_TOKEN_TYPE_QUERY: 'parameter',
};

const hashToken: Check<FilledHTTPHashStringToken> = (token, path) => {
  const { type, name, str_value, start_index, end_index } = token;
  const of = NAMED_TOKENS[type];
  if (of !== undefined && (name === undefined || name === ''))
    return [refuse(`${path}.name`, `${type} needs it`, `Set it to the name of the ${of}`)];
  if (of !== undefined && of !== 'parameter' && !TOKEN.test(name!))
    return [refuse(`${path}.name`, `${JSON.stringify(name)} is not a name of a ${of}`, 'Correct it', name)];
  if (type === 'URI_TOKEN_TYPE_STRING' && str_value === undefined)
    return [refuse(`${path}.str_value`, `${type} needs it`, 'Set it, or use another token')];
  if (end_index !== undefined && end_index < start_index)
    return [
      refuse(
        `${path}.end_index`,
        `it is below start_index ${start_index}`,
        `Set it to ${start_index} or more`,
        end_index,
      ),
    ];
  return [];
};

const hashAction: Check<FilledHTTPHashStringAction> = ({ tokens }, path) =>
  isEmpty(tokens)
    ? [refuse(`${path}.tokens`, 'there are none', 'Give at least one, or remove the action')]
    : [];

const rateAction: Check<FilledRateLimiterAction> = ({ type, redirect }, path) =>
  type === 'RL_ACTION_REDIRECT' && redirect === undefined
    ? [refuse(`${path}.redirect`, `${type} needs it`, 'Set it, or choose another type')]
    : [];

/** Checks of the messages that policies are made of. */
export const POLICY_MESSAGES: readonly (readonly [string, Check<never>])[] = [
  ['PathMatch', pathMatch],
  ['QueryMatch', queryMatch],
  ['HostHdrMatch', valuesMatch],
  ['LocationHdrMatch', valuesMatch],
  ['HdrMatch', headerMatch],
  ['CookieMatch', cookieMatch],
  ['IpAddrMatch', addressMatch],
  ['HTTPStatusMatch', statusMatch],
  ['HTTPSwitchingAction', switchingAction],
  ['URIParamToken', uriToken],
  ['HTTPHdrAction', headerAction],
  ['HTTPSecurityAction', securityAction],
  ['RateLimiterAction', rateAction],
  ['HTTPHashStringAction', hashAction],
  ['HTTPHashStringToken', hashToken],
];

interface Rewriting {
  readonly match?: { readonly path?: FilledPathMatch; readonly query?: FilledQueryMatch };
}

/** Tokens take what the rule's own match has found. */
function tokensFit(rule: Rewriting, action: object | undefined, path: string): FieldError[] {
  const text = JSON.stringify(action ?? {});
  const { path: paths, query } = rule.match ?? {};
  const errors: FieldError[] = [];
  const lacks = (token: string, needs: string): void =>
    void errors.push(refuse(path, `${token} needs ${needs}`, 'Add it to match, or use another token'));
  if (text.includes('"URI_TOKEN_TYPE_REGEX"') && paths?.match_criteria !== 'REGEX_MATCH')
    lacks('URI_TOKEN_TYPE_REGEX', 'a match of the path by REGEX_MATCH');
  if (text.includes('"URI_TOKEN_TYPE_REGEX_QUERY"') && query?.match_criteria !== 'QUERY_MATCH_REGEX_MATCH')
    lacks('URI_TOKEN_TYPE_REGEX_QUERY', 'a match of the query by QUERY_MATCH_REGEX_MATCH');
  if (
    text.includes('"URI_TOKEN_TYPE_STRING_GROUP"') &&
    isEmpty(paths?.string_group_refs) &&
    isEmpty(query?.string_group_refs)
  )
    lacks('URI_TOKEN_TYPE_STRING_GROUP', 'a match of path or query with a string group');
  return errors;
}

/** A request that is answered by the rule itself is not changed or sent anywhere. */
export function requestRule(rule: FilledHTTPRequestRule, path: string): FieldError[] {
  const { redirect_action, rewrite_url_action, switching_action, hdr_action, hash_string_action } = rule;
  const errors = [
    ...tokensFit(rule, hash_string_action, `${path}.hash_string_action`),
    ...tokensFit(rule, redirect_action, `${path}.redirect_action`),
    ...tokensFit(rule, rewrite_url_action, `${path}.rewrite_url_action`),
  ];
  const others = {
    switching_action,
    rewrite_url_action,
    hdr_action: isEmpty(hdr_action) ? undefined : hdr_action,
    hash_string_action,
  };
  if (redirect_action !== undefined)
    for (const [field, value] of Object.entries(others))
      if (value !== undefined)
        errors.push(
          refuse(
            `${path}.${field}`,
            'a redirect does not go together with other actions',
            'Use a rule of its own for it',
          ),
        );
  return errors;
}
