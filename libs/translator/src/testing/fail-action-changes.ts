import type { Change } from './policy-changes.js';

const LOCAL = { 'fail_action.type': 'FAIL_ACTION_HTTP_LOCAL_RSP', 'fail_action.local_rsp': {} };
const REDIRECT = {
  'fail_action.type': 'FAIL_ACTION_HTTP_REDIRECT',
  'fail_action.redirect': { host: 'a.example' },
};
const BACKUP = {
  'fail_action.type': 'FAIL_ACTION_BACKUP_POOL',
  'fail_action.backup_pool.backup_pool_ref': 'pool-2',
};
const typed = (type: string, given: Record<string, unknown>): Change => ({
  to: type,
  at: 'fail_action.type',
  given: {
    ...given,
    'fail_action.type':
      type === LOCAL['fail_action.type'] ? 'FAIL_ACTION_CLOSE_CONN' : LOCAL['fail_action.type'],
  },
});

/** For each part of a fail action: a change that a service engine must notice. */
export const FAIL_ACTION_CHANGES: Readonly<Record<string, Change>> = {
  'fail_action.type=FAIL_ACTION_CLOSE_CONN': typed('FAIL_ACTION_CLOSE_CONN', LOCAL),
  'fail_action.type=FAIL_ACTION_HTTP_LOCAL_RSP': typed('FAIL_ACTION_HTTP_LOCAL_RSP', LOCAL),
  'fail_action.type=FAIL_ACTION_HTTP_REDIRECT': typed('FAIL_ACTION_HTTP_REDIRECT', REDIRECT),
  'fail_action.type=FAIL_ACTION_BACKUP_POOL': typed('FAIL_ACTION_BACKUP_POOL', BACKUP),
  'fail_action.local_rsp.status_code': { to: 'FAIL_HTTP_STATUS_CODE_200', given: LOCAL },
  'fail_action.local_rsp.file.*': {
    to: { content_type: 'text/html', file_content: 'sorry' },
    at: 'fail_action.local_rsp.file',
    given: LOCAL,
  },
  'fail_action.redirect.*': {
    to: {
      host: 'b.example',
      path: '/sorry',
      query: 'a=b',
      protocol: 'HTTP',
      status_code: 'HTTP_REDIRECT_STATUS_CODE_307',
    },
    at: 'fail_action.redirect',
    given: REDIRECT,
  },
  'fail_action.backup_pool.backup_pool_ref': { to: 'pool-3', given: BACKUP },
};
