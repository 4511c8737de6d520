import { describe, expect, it } from '@jest/globals';
import { configChanged } from './config-event.js';
import { diff } from './diff.js';

describe('diff', () => {
  it('names each field that differs', () => {
    const before = { name: 'p', servers: [{ port: 80 }], gone: 1, same: { a: [1] } };
    const after = { name: 'q', servers: [{ port: 81 }, { port: 82 }], same: { a: [1] } };
    expect(diff(before, after)).toEqual([
      { path: 'name', change: 'changed', old: 'p', new: 'q' },
      { path: 'servers.0.port', change: 'changed', old: 80, new: 81 },
      { path: 'servers.1', change: 'added', new: { port: 82 } },
      { path: 'gone', change: 'removed', old: 1 },
    ]);
  });
  it('of a change of configuration carries no secret', () => {
    const event = configChanged({
      action: 'update',
      kind: 'user',
      uuid: 'user-2',
      name: 'bob',
      tenantUuid: 'admin',
      userName: 'admin',
      before: { name: 'bob', password: 'old-secret' },
      after: { name: 'bob', password: 'new-secret', full_name: 'Bob' },
    });
    expect(event.description).toBe('User bob was changed by admin');
    expect(JSON.stringify(event)).not.toMatch(/old-secret|new-secret/);
    expect(event.details?.['diff']).toEqual([{ path: 'full_name', change: 'added', new: 'Bob' }]);
  });
});
