/** What becomes of clients that nobody of a pool or pool group can serve. */
export const FAIL_ACTION = [
  'type=FAIL_ACTION_CLOSE_CONN',
  'type=FAIL_ACTION_HTTP_LOCAL_RSP',
  'type=FAIL_ACTION_HTTP_REDIRECT',
  'type=FAIL_ACTION_BACKUP_POOL',
  'local_rsp.status_code',
  'local_rsp.file.*',
  'redirect.*',
  'backup_pool.backup_pool_ref',
].map((field) => `fail_action.${field}`);
