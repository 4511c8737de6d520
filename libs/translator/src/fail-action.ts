import type {
  FilledFailAction,
  FilledFailActionHTTPLocalResponse,
  FilledFailActionHTTPRedirect,
} from '@spillway/model';
import { redirectTarget } from '@spillway/policy';
import { FailAction } from '@spillway/snapshot';
import { localResponse } from './local-file.js';
import { filledMessage, follow, refUuid } from './read.js';
import { type Lookup, type Problem, warning } from './types.js';

type Made = FailAction | string;

/**
 * What becomes of new clients while nobody can serve them; connections are closed unless something else is asked for
 * (pools document, Fail Action). What cannot be done as written becomes that, with a warning.
 */
export function failActionOf(
  action: FilledFailAction | undefined,
  lookup: Lookup,
  problems: Problem[],
): FailAction {
  if (action === undefined || action.type === 'FAIL_ACTION_CLOSE_CONN') return { type: 'close' };
  const made = make(action, lookup);
  const parsed = typeof made === 'string' ? undefined : FailAction.safeParse(made);
  if (parsed?.success === true) return parsed.data;
  const reason = typeof made === 'string' ? made : parsed?.error?.issues[0]?.message;
  problems.push(
    warning(
      'FAIL_ACTION_UNUSABLE',
      'fail_action',
      `${reason ?? 'not valid'}; connections are closed instead`,
    ),
  );
  return { type: 'close' };
}

/** The pool that a fail action needs beside it. */
export const backupOf = (action: FailAction | undefined): { type: 'pool'; uuid: string }[] =>
  action?.type === 'backup_pool' ? [{ type: 'pool', uuid: action.pool_uuid }] : [];

function make(action: FilledFailAction, lookup: Lookup): Made {
  switch (action.type) {
    case 'FAIL_ACTION_HTTP_LOCAL_RSP':
      return { type: 'respond', response: pageOf(action.local_rsp) };
    case 'FAIL_ACTION_HTTP_REDIRECT':
      return action.redirect === undefined ? 'it has no redirect' : redirectOf(action.redirect);
    case 'FAIL_ACTION_BACKUP_POOL':
      return backupPool(action.backup_pool?.backup_pool_ref, lookup);
    case 'FAIL_ACTION_CLOSE_CONN':
    default:
      return { type: 'close' };
  }
}

const codeOf = (name: string): number => Number(name.slice(-3));

function pageOf(page: FilledFailActionHTTPLocalResponse | undefined): ReturnType<typeof localResponse> {
  const { status_code, file } = filledMessage<FilledFailActionHTTPLocalResponse>(
    'FailActionHTTPLocalResponse',
    page,
  );
  return localResponse(codeOf(status_code), file);
}

const NOTHING = { host: '', path: '/', captures: () => [], groupValue: () => '' };
const literal = (value: string) => [{ type: 'string', value }] as const;

/** The whole target is written: nothing of the request is kept. */
function redirectOf({ host, path, query, protocol, status_code }: FilledFailActionHTTPRedirect): FailAction {
  const status = codeOf(status_code) as 301 | 302 | 307;
  const target = {
    protocol: protocol === 'HTTPS' ? ('https' as const) : ('http' as const),
    host: [...literal(host)],
    path: [...literal(path ?? '/')],
    keep_query: false,
    ...(query === undefined ? {} : { add_query: query }),
    status,
  };
  const request = { secure: false, authority: '', path: '/', query: '' };
  return { type: 'redirect', status, location: redirectTarget(target, request, NOTHING) };
}

function backupPool(ref: string | undefined, lookup: Lookup): Made {
  if (ref === undefined) return 'it has no backup_pool';
  const pool = follow(lookup, ref, 'pool');
  return pool === undefined
    ? `backup pool ${refUuid(ref) ?? ref} does not exist`
    : { type: 'backup_pool', pool_uuid: pool.uuid };
}
