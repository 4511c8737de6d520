import { z } from 'zod';

/** Simple values that occur all over the snapshot. */
export const uuid = z.string().min(1).max(128);
export const name = z.string().max(256);
export const port = z.int().min(1).max(65535);
export const milliseconds = z.int().min(0).max(86_400_000);
export const address = z.union([z.ipv4(), z.ipv6()]);

/** Fields that the engine itself writes or takes out, so that no rule may set them. */
const RESERVED =
  /^(connection|content-length|expect|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

export const isSettableField = (field: string): boolean =>
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/.test(field) && !RESERVED.test(field);

/** Name of a header field (RFC 9110 section 5.1) that a rule may set. */
export const fieldName = z.string().refine(isSettableField, { message: 'not a header that can be set' });
