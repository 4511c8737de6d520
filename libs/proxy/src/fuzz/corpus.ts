import { HTTP1_CASES, OK, type Answer, type Case, type Step } from '@spillway/testing/conformance';

const sent = (steps: Case['client']): string =>
  (Array.isArray(steps) ? (steps as readonly Step[]) : [steps as Step])
    .map((s) => (typeof s === 'string' ? s : 'bytewise' in s ? s.bytewise : ''))
    .join('');

const answered = (origin: Case['origin']): string[] =>
  (origin === undefined
    ? []
    : Array.isArray(origin)
      ? (origin as readonly (string | Answer)[])
      : [origin as string | Answer]
  ).map((a) => (typeof a === 'string' ? a : (a.onHead ?? '') + (a.onRequest ?? '')));

const SMALL = 20_000;

/** What clients send, good and bad. HEAD is left out: the length of its response says nothing to who only listens. */
export const REQUESTS: readonly string[] = [...new Set(HTTP1_CASES.map((c) => sent(c.client)))].filter(
  (t) => t !== '' && t.length < SMALL && !/HEAD/i.test(t),
);

/** What origins answer, good and bad. */
export const RESPONSES: readonly string[] = [
  ...new Set([OK, ...HTTP1_CASES.flatMap((c) => answered(c.origin))]),
].filter((t) => t !== '' && t.length < SMALL);
