import { describe, expect, it } from '@jest/globals';
import { parseEventQuery } from './event-query.js';

const parse = (query: string) =>
  parseEventQuery(new URLSearchParams(query), new Date('2026-11-22T01:00:00Z'));

describe('the query of events', () => {
  it('reads filters of both forms', () => {
    expect(
      parse('obj_uuid=pool-1&event_id.in=A,B&filter=co(obj_name,web)&virtualservice=virtualservice-1')
        .conditions,
    ).toEqual([
      { column: 'obj_name', operator: 'co', value: 'web' },
      { column: 'obj_uuid', operator: 'eq', value: 'pool-1' },
      { column: 'event_id', operator: 'in', value: 'A,B' },
      { column: 'obj_uuid', operator: 'eq', value: 'virtualservice-1' },
    ]);
  });
  it('reads times', () => {
    expect(parse('duration=3600').from).toEqual(new Date('2026-11-22T00:00:00Z'));
    expect(parse('start=2026-11-22T00:30:00Z&end=1795312800')).toMatchObject({
      from: new Date('2026-11-22T00:30:00Z'),
      to: new Date(1795312800_000),
    });
  });
  it.each([
    'page=0',
    'page_size=10001',
    'start=yesterday',
    'duration=-1',
    'filter=eq(details,x)',
    'filter=drop(event_id,x)',
    'filter=nonsense',
  ])('refuses %s', (query) => expect(() => parse(query)).toThrow(/not allowed/));
});
