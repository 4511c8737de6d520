import type { FilledHTTPReselectRespCode, FilledHTTPServerReselect, FilledPool } from '@spillway/model';
import type { Reselect } from '@spillway/snapshot';
import { filledMessage, milliseconds } from './read.js';

const BLOCKS = {
  HTTP_RSP_4XX: { from: 400, to: 499 },
  HTTP_RSP_5XX: { from: 500, to: 599 },
} as const satisfies Record<string, Reselect['statuses'][number]>;

/** Sending failed requests to other servers; undefined where it is off. */
export function reselectOf({
  server_reselect: given,
}: Pick<FilledPool, 'server_reselect'>): Reselect | undefined {
  if (given?.enabled !== true) return undefined;
  const spec = filledMessage<FilledHTTPServerReselect>('HTTPServerReselect', given);
  return {
    retries: spec.num_retries,
    nonidempotent: spec.retry_nonidempotent,
    timeout: milliseconds(spec.retry_timeout),
    statuses: statusesOf(spec.svr_resp_code),
  };
}

const FIRST_ERROR = 400;
const LAST_ERROR = 599;

/** In their order and each once, so that what means the same is the same; codes of errors alone. */
function statusesOf(codes: FilledHTTPReselectRespCode | undefined): Reselect['statuses'] {
  const listed = [
    ...(codes?.codes ?? []).map((code) => ({ from: code, to: code })),
    ...(codes?.ranges ?? []).map(({ begin, end }) => ({ from: begin, to: end })),
    ...(codes?.resp_code_block ?? []).map((block) => BLOCKS[block]),
  ]
    .map(({ from, to }) => ({ from: Math.max(from, FIRST_ERROR), to: Math.min(to, LAST_ERROR) }))
    .filter(({ from, to }) => from <= to)
    .toSorted((a, b) => a.from - b.from || b.to - a.to);
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of listed) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}
