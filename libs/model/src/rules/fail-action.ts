import type { FieldError } from '../errors.js';
import type {
  FilledFailAction,
  FilledFailActionHTTPRedirect,
  FilledHTTPReselectRespCode,
} from '../generated/filled.js';
import { refuse } from './rule.js';

const HOST =
  /^(?=.{1,259}$)(?:[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?(?:\.[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?)*\.?|\[[\da-f:.]+\])(?::\d{1,5})?$/i;
const LAST_PORT = 65_535;
const PRINTABLE = /^[\x21-\x7e]*$/;
// eslint-disable-next-line no-control-regex
const FIELD_VALUE = /^[^\0-\x08\x0a-\x1f\x7f]{1,4096}$/;
/** Bytes of a page that is uploaded: every worker of every service engine holds it. */
const MOST_PAGE = 1_048_576;

/** What each type of a fail action needs, and that it can be sent as it is. */
export function failActionRules(action: FilledFailAction, path: string): FieldError[] {
  const { type, redirect, local_rsp, backup_pool } = action;
  const needed = (field: string, remedy: string): FieldError[] => [
    refuse(`${path}.${field}`, `type ${type} needs it`, `${remedy}, or choose another type`),
  ];
  if (type === 'FAIL_ACTION_HTTP_REDIRECT')
    return redirect === undefined
      ? needed('redirect', 'Set redirect.host')
      : redirectRules(redirect, `${path}.redirect`);
  if (type === 'FAIL_ACTION_HTTP_LOCAL_RSP')
    return local_rsp === undefined
      ? needed('local_rsp', 'Set local_rsp')
      : pageRules(local_rsp, `${path}.local_rsp.file`);
  if (type === 'FAIL_ACTION_BACKUP_POOL' && backup_pool === undefined)
    return needed('backup_pool', 'Set backup_pool.backup_pool_ref');
  return [];
}

function redirectRules(
  { host, path = '', query = '' }: FilledFailActionHTTPRedirect,
  at: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!HOST.test(host) || Number(/:(\d+)$/.exec(host)?.[1] ?? 1) > LAST_PORT)
    errors.push(
      refuse(
        `${at}.host`,
        `${JSON.stringify(host)} is not a host name`,
        'Set it to a name such as www.example.com, with :port where it is not the usual one; path and query have fields of their own',
        host,
      ),
    );
  for (const [field, text] of [
    ['path', path],
    ['query', query],
  ] as const)
    if (!PRINTABLE.test(text) || text.includes('#') || (field === 'path' && text.includes('?')))
      errors.push(
        refuse(
          `${at}.${field}`,
          `${JSON.stringify(text)} cannot be part of a Location`,
          'Percent-encode what is not printable ASCII, and give the query in its own field',
          text,
        ),
      );
  return errors;
}

function pageRules({ file }: NonNullable<FilledFailAction['local_rsp']>, at: string): FieldError[] {
  if (file === undefined) return [];
  const errors: FieldError[] = [];
  if (!FIELD_VALUE.test(file.content_type))
    errors.push(
      refuse(
        `${at}.content_type`,
        `${JSON.stringify(file.content_type)} cannot be the value of a header`,
        'Set it to a media type such as text/html',
        file.content_type,
      ),
    );
  const { length } = file.file_content;
  if (length > MOST_PAGE)
    errors.push(
      refuse(
        `${at}.file_content`,
        `${length} characters are too many`,
        `Set it to a page of at most ${MOST_PAGE} characters`,
      ),
    );
  return errors;
}

/** The pool that serves in place of one with that fail action. */
export const backupRef = (action: FilledFailAction | undefined): string | undefined =>
  action?.type === 'FAIL_ACTION_BACKUP_POOL' ? action.backup_pool?.backup_pool_ref : undefined;

/** A pool does not stand in for itself, not even by way of others. */
export const refuseRing = (pool: string, value: unknown): FieldError =>
  refuse(
    'fail_action.backup_pool.backup_pool_ref',
    `pool ${pool} would be its own backup, itself or by way of the backup pools of others`,
    'Choose a pool that does not lead back here',
    value,
  );

/** Fail actions that answer requests, which connections of layer 4 do not have. */
export const answersRequests = (action: FilledFailAction | undefined): boolean =>
  action?.type === 'FAIL_ACTION_HTTP_LOCAL_RSP' || action?.type === 'FAIL_ACTION_HTTP_REDIRECT';

export const refuseAnswers = (
  field: string,
  type: string,
  of: string,
  virtualService: string,
  value: unknown,
): FieldError =>
  refuse(
    field,
    `fail action ${type} of ${of} answers requests and virtual service ${virtualService} is layer 4`,
    'Use FAIL_ACTION_CLOSE_CONN or FAIL_ACTION_BACKUP_POOL, or choose an HTTP application profile',
    value,
  );

const FIRST_ERROR = 400;
const LAST_ERROR = 599;

/** Only errors are a reason to ask another server. */
export const reselectRules = ({ ranges }: FilledHTTPReselectRespCode, path: string): FieldError[] =>
  (ranges ?? []).flatMap(({ begin, end }, i) =>
    begin >= FIRST_ERROR && end <= LAST_ERROR
      ? []
      : [
          refuse(
            `${path}.ranges[${i}]`,
            `${begin} to ${end} are not all codes of errors`,
            `Set it to a range within ${FIRST_ERROR} to ${LAST_ERROR}`,
          ),
        ],
  );
