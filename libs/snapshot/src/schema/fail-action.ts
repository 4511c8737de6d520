import { z } from 'zod';
import { LocalResponse } from './policy.js';
import { uuid } from './primitives.js';

/** Statuses of a redirect that clients follow with the same method, or with GET. */
const redirectStatus = z.union([z.literal(301), z.literal(302), z.literal(307)]);

/**
 * What becomes of new requests and connections while nobody of a pool, or of a pool group, can serve them (pools
 * document, Pool Failure Settings). Where there is none, requests get a 503 that says why, and connections of L4 a
 * reset.
 */
export const FailAction = z.discriminatedUnion('type', [
  /** TCP connections are reset, streams of HTTP/2 too; datagrams are dropped. */
  z.strictObject({ type: z.literal('close') }),
  /** Without a body: a basic page with the status. For requests alone; connections of L4 are reset. */
  z.strictObject({ type: z.literal('respond'), response: LocalResponse }),
  z.strictObject({
    type: z.literal('redirect'),
    status: redirectStatus,
    location: z
      .string()
      .min(1)
      .max(8192)
      .regex(/^https?:\/\/[\x21-\x7e]+$/, 'a location is an absolute URL in printable ASCII'),
  }),
  /** Another pool serves meanwhile. When that one cannot either, its own fail action is taken. */
  z.strictObject({ type: z.literal('backup_pool'), pool_uuid: uuid }),
]);
export type FailAction = z.infer<typeof FailAction>;
