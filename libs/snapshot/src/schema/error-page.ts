import { z } from 'zod';

/** What a client gets in place of a plain response of the engine's own. */
export const ErrorPage = z.strictObject({
  /** Statuses, and with `negate` all others from 400 on. */
  statuses: z
    .array(z.strictObject({ from: z.int().min(100).max(999), to: z.int().min(100).max(999) }))
    .max(64),
  negate: z.boolean(),
  answer: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('page'),
      content_type: z.enum(['text/html', 'application/json']),
      /** `{{name}}` stands for a variable, see the guide. */
      body: z.string().max(262_144),
    }),
    z.strictObject({
      type: z.literal('redirect'),
      location: z
        .string()
        .min(1)
        .max(2048)
        .regex(/^[\x21-\x7e]+$/, 'a location is printable ASCII without spaces'),
    }),
  ]),
});
export type ErrorPage = z.infer<typeof ErrorPage>;
