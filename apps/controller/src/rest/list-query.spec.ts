import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseListQuery } from './list-query.js';

const parse = (query: string) => parseListQuery(new URLSearchParams(query));

describe('parseListQuery', () => {
  it('takes an empty value of a flag for true', () => {
    expect(parse('include_name=').representation.includeName).toBe(true);
    expect(parse('include_refs').representation.includeName).toBe(true);
    expect(parse('skip_default=true&include_name=false').representation).toMatchObject({
      includeName: false,
      skipDefault: true,
    });
  });

  it('reads filters with operators and negates those that exclude names', () => {
    expect(parse('uuid.in=a,b&name=x&cloud_ref.name=c&exclude=uuid.in').filters).toEqual([
      { parameter: 'uuid.in', path: ['uuid'], operator: 'in', value: 'a,b', negated: true },
      { parameter: 'name', path: ['name'], operator: 'equals', value: 'x', negated: false },
      {
        parameter: 'cloud_ref.name',
        path: ['cloud_ref', 'name'],
        operator: 'equals',
        value: 'c',
        negated: false,
      },
    ]);
  });

  it('reads a search in any field and in one', () => {
    expect(parse('search=LEAST_CONN&isearch=(name,Vs-Pool-)').searches).toEqual([
      { text: 'LEAST_CONN', field: undefined, caseSensitive: true },
      { text: 'Vs-Pool-', field: 'name', caseSensitive: false },
    ]);
  });

  it('reads order, page and reference queries', () => {
    expect(
      parse('sort=-_last_modified,name&page=2&page_size=25&refers_to=pool:p1&referred_by=virtualservice:v1'),
    ).toMatchObject({
      sort: [
        { path: ['_last_modified'], descending: true },
        { path: ['name'], descending: false },
      ],
      page: 2,
      pageSize: 25,
      refersTo: ['p1'],
      referredBy: ['v1'],
    });
  });

  it.each(['page=0', 'page=x', 'page_size=201', 'page_size=-1', 'limit_by=1e3'])(
    'refuses %s by name',
    (query) => {
      expect(() => parse(query)).toThrow(new RegExp(`Parameter ${query.split('=')[0]}`));
    },
  );

  it('reads any query without a crash, or refuses it', () => {
    fc.assert(
      fc.property(fc.webQueryParameters(), (query) => {
        try {
          expect(parse(query).pageSize).toBeGreaterThan(0);
        } catch (err) {
          expect(err).toMatchObject({ status: 400 });
        }
      }),
    );
  });
});
