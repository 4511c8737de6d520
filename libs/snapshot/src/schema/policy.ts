import { z } from 'zod';
import { AddressRange } from './address-range.js';
import { address, isSettableField, name, port, uuid } from './primitives.js';

/** Compiling a group of this size keeps a worker from its requests for less than 0.1 s. */
const MOST_IN_GROUP = 20_000;

/** Strings that rules share: values to compare with, or keys with what each stands for. */
export const StringGroup = z.strictObject({
  uuid,
  name,
  entries: z
    .array(z.strictObject({ key: z.string().max(4096), value: z.string().max(4096).optional() }))
    .max(MOST_IN_GROUP),
  /** Of several keys that a text begins with, ends with or holds, the longest gives the value, not the first. */
  longest_match: z.boolean(),
});
export type StringGroup = z.infer<typeof StringGroup>;

export const AddressGroup = z.strictObject({ uuid, name, ranges: z.array(AddressRange).max(MOST_IN_GROUP) });
export type AddressGroup = z.infer<typeof AddressGroup>;

const uuids = z.array(uuid).max(64);
const negated = z.boolean();
const headerName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/);
/** Printable, so that it cannot end a header line. */
const headerValue = z
  .string()
  // eslint-disable-next-line no-control-regex
  .regex(/^[^\0-\x08\x0a-\x1f\x7f]*$/)
  .max(4096);

export const AddressTest = z.strictObject({
  negated,
  ranges: z.array(AddressRange).max(10_000),
  address_group_uuids: uuids,
});
export type AddressTest = z.infer<typeof AddressTest>;

const textTest = {
  /** The test holds where it would not. */
  negated,
  operator: z.enum(['exists', 'equals', 'begins_with', 'ends_with', 'contains', 'regex']),
  /** Letters of either case are the same. */
  fold: z.boolean(),
  /** One of them has to fit. */
  values: z.array(z.string().max(4096)).max(10_000),
  string_group_uuids: uuids,
};
export const TextTest = z.strictObject(textTest);
export type TextTest = z.infer<typeof TextTest>;

/** A test of a path or a query; `decoded`: of its normal form (guide, Policies), else as it was sent. */
export const TargetTest = z.strictObject({ ...textTest, decoded: z.boolean() });
export type TargetTest = z.infer<typeof TargetTest>;

export const NamedTest = z.strictObject({ ...textTest, name: z.string().min(1).max(256) });
export type NamedTest = z.infer<typeof NamedTest>;

const values = <T extends z.ZodType>(value: T) =>
  z.strictObject({ negated, values: z.array(value).min(1).max(1000) });

/** What a request must be; all that is there has to hold. */
export const RequestMatch = z.strictObject({
  client_ip: AddressTest.optional(),
  source_ip: AddressTest.optional(),
  vs_port: values(port).optional(),
  protocol: values(z.enum(['http', 'https'])).optional(),
  version: values(z.enum(['0.9', '1.0', '1.1', '2.0'])).optional(),
  method: values(z.string().regex(/^[A-Z]{1,32}$/)).optional(),
  host: TextTest.optional(),
  path: TargetTest.optional(),
  query: TargetTest.optional(),
  headers: z.array(NamedTest).max(64),
  cookie: NamedTest.optional(),
});
export type RequestMatch = z.infer<typeof RequestMatch>;

export const StatusRange = z.strictObject({ begin: z.int().min(0).max(999), end: z.int().min(0).max(999) });
export const ResponseMatch = z.strictObject({
  /** Of the request as the client sent it. */
  request: RequestMatch,
  status: z.strictObject({ negated, ranges: z.array(StatusRange).min(1).max(1000) }).optional(),
  location: TextTest.optional(),
  headers: z.array(NamedTest).max(64),
});
export type ResponseMatch = z.infer<typeof ResponseMatch>;

/** A part of a host or path that is put together. */
export const Token = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), value: z.string().max(4096) }),
  z.strictObject({
    /** Labels of the host, segments of the path, groups that the regular expression of path or query captured. */
    type: z.enum(['host', 'path', 'path_capture', 'query_capture']),
    start: z.int().min(0).max(65_535),
    /** The last one; 65535 is as far as there are any. */
    end: z.int().min(0).max(65_535),
  }),
  /** The value of the key of a string group that path or query were found by. */
  z.strictObject({ type: z.literal('string_group') }),
]);
export type Token = z.infer<typeof Token>;
const tokens = z.array(Token).min(1).max(64);

/** A part of the string that a pool's consistent hash may go by. */
export const HashToken = z.union([
  Token,
  z.strictObject({ type: z.enum(['header', 'cookie', 'parameter']), name: z.string().min(1).max(256) }),
  z.strictObject({ type: z.literal('client_ip') }),
]);
export type HashToken = z.infer<typeof HashToken>;

const location = {
  protocol: z.enum(['http', 'https']),
  host: tokens.optional(),
  path: tokens.optional(),
  port: port.optional(),
  keep_query: z.boolean(),
};
export const Redirect = z.strictObject({
  ...location,
  add_query: z.string().max(4096).optional(),
  status: z.union([z.literal(301), z.literal(302), z.literal(307)]),
});
export type Redirect = z.infer<typeof Redirect>;
export const LocationRewrite = z.strictObject(location);
export type LocationRewrite = z.infer<typeof LocationRewrite>;

/** A response that is not a server's. */
export const LocalResponse = z.strictObject({
  status: z.int().min(200).max(599),
  content_type: headerValue.optional(),
  body: z.string().max(1_048_576).optional(),
  /** `body` is the base64 of what is sent. Absent: false. */
  base64: z.boolean().optional(),
});
export type LocalResponse = z.infer<typeof LocalResponse>;

/** What a header is set to. */
export const HeaderValue = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), value: headerValue }),
  z.strictObject({ type: z.literal('header'), name: headerName }),
  z.strictObject({
    type: z.literal('variable'),
    variable: z.enum([
      'client_ip',
      'source_ip',
      'vs_ip',
      'vs_port',
      'request_id',
      'ssl_protocol',
      'ssl_cipher',
      'ssl_server_name',
      'ssl_client_fingerprint',
      'ssl_client_serial',
      'ssl_client_issuer',
      'ssl_client_subject',
      'ssl_client_raw',
      'ssl_client_escaped',
      'ssl_client_version',
      'ssl_client_sigalg',
      'ssl_client_notvalidbefore',
      'ssl_client_notvalidafter',
    ]),
  }),
]);
export type HeaderValue = z.infer<typeof HeaderValue>;

const cookieName = headerName;
const cookieValue = z
  .string()
  .regex(/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/)
  .max(4096);
export const HeaderAction = z.discriminatedUnion('target', [
  z.strictObject({
    target: z.literal('header'),
    action: z.enum(['add', 'replace', 'remove']),
    /** Host can be replaced and nothing else; what frames a message or belongs to one connection cannot be had. */
    name: headerName.refine((field) => isSettableField(field) || /^host$/i.test(field), {
      message: 'not a header that can be set',
    }),
    value: HeaderValue.optional(),
  }),
  z.strictObject({
    target: z.literal('cookie'),
    action: z.enum(['add', 'replace', 'remove']),
    name: cookieName,
    value: cookieValue.optional(),
  }),
]);
export type HeaderAction = z.infer<typeof HeaderAction>;
const headerActions = z.array(HeaderAction).max(64);

/** Where a request goes instead. */
export const Switching = z.discriminatedUnion('to', [
  z.strictObject({
    to: z.literal('pool'),
    pool_uuid: uuid,
    /** The one server of the pool that takes it: by its address, or by its name where the pool has it looked up. */
    server: z
      .union([
        z.strictObject({ address, port: port.optional() }),
        z.strictObject({ name: z.string().min(1).max(255), port: port.optional() }),
      ])
      .optional(),
  }),
  z.strictObject({ to: z.literal('pool_group'), pool_group_uuid: uuid }),
  z.strictObject({ to: z.literal('local'), response: LocalResponse }),
]);
export type Switching = z.infer<typeof Switching>;

export const Rewrite = z.strictObject({
  host: tokens.optional(),
  path: tokens.optional(),
  query: z.strictObject({ keep_query: z.boolean(), add_query: z.string().max(4096).optional() }).optional(),
});
export type Rewrite = z.infer<typeof Rewrite>;

const rule = { index: z.int(), name };
export const RequestRule = z.strictObject({
  ...rule,
  match: RequestMatch,
  redirect: Redirect.optional(),
  switching: Switching.optional(),
  rewrite: Rewrite.optional(),
  header_actions: headerActions,
  /** The custom string that consistent hash may go by; a request that lacks a part has none. */
  hash_string: z.array(HashToken).min(1).max(16).optional(),
});
export type RequestRule = z.infer<typeof RequestRule>;

export const ResponseRule = z.strictObject({
  ...rule,
  match: ResponseMatch,
  location: LocationRewrite.optional(),
  header_actions: headerActions,
});
export type ResponseRule = z.infer<typeof ResponseRule>;

/** What happens to requests over a rate. */
export const RateLimitAction = z.discriminatedUnion('type', [
  /** They are counted and served. */
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('close') }),
  z.strictObject({ type: z.literal('reset') }),
  z.strictObject({ type: z.literal('respond'), response: LocalResponse }),
  z.strictObject({ type: z.literal('redirect'), redirect: Redirect }),
]);
export type RateLimitAction = z.infer<typeof RateLimitAction>;

export const SecurityAction = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('allow') }),
  z.strictObject({ type: z.literal('close') }),
  z.strictObject({ type: z.literal('respond'), response: LocalResponse }),
  z.strictObject({ type: z.literal('redirect_to_https'), port }),
  z.strictObject({
    type: z.literal('rate_limit'),
    /** Requests in `period` seconds. */
    count: z.int().min(1).max(1_000_000_000),
    period: z.int().min(1).max(1_000_000_000),
    /** Let through at once at most; no effect below `count`. */
    burst: z.int().min(0).max(1_000_000_000),
    per_client_ip: z.boolean(),
    per_uri_path: z.boolean(),
    exceeded: RateLimitAction,
  }),
]);
export type SecurityAction = z.infer<typeof SecurityAction>;

export const SecurityRule = z.strictObject({ ...rule, match: RequestMatch, action: SecurityAction });
export type SecurityRule = z.infer<typeof SecurityRule>;

/** Rules of each phase in the order of their index, the disabled ones left out. */
export const HttpPolicySet = z.strictObject({
  uuid,
  name,
  security: z.array(SecurityRule).max(10_000),
  request: z.array(RequestRule).max(10_000),
  response: z.array(ResponseRule).max(10_000),
});
export type HttpPolicySet = z.infer<typeof HttpPolicySet>;

/** What becomes of connections, before anything of them is read. */
export const NetworkPolicy = z.strictObject({
  uuid,
  name,
  rules: z
    .array(
      z.strictObject({
        ...rule,
        client_ip: AddressTest.optional(),
        client_port: z
          .strictObject({
            negated,
            ranges: z
              .array(z.strictObject({ begin: port, end: port }))
              .min(1)
              .max(1000),
          })
          .optional(),
        vs_port: values(port).optional(),
        action: z.discriminatedUnion('type', [
          z.strictObject({ type: z.literal('allow') }),
          z.strictObject({ type: z.literal('deny') }),
          z.strictObject({
            type: z.literal('rate_limit'),
            /** Connections a second. */
            rate: z.int().min(1).max(4_294_967_295),
            burst: z.int().min(0).max(4_294_967_295),
          }),
        ]),
      }),
    )
    .max(10_000),
});
export type NetworkPolicy = z.infer<typeof NetworkPolicy>;
