import { describe, expect, it } from '@jest/globals';
import type { Redirect, Token } from '@spillway/snapshot';
import { editCookies, editSetCookies } from './cookies.js';
import { redirectTarget, rewriteLocation } from './location.js';
import { hostOf, pathOf, queryOf, type TokenSource } from './uri.js';

const source = (host: string, path: string, captured: string[] = [], value = ''): TokenSource => ({
  host,
  path,
  captures: () => captured,
  groupValue: () => value,
});
const text = (value: string): Token => ({ type: 'string', value });
const path = (start: number, end = 65_535): Token => ({ type: 'path', start, end });
const host = (start: number, end = 65_535): Token => ({ type: 'host', start, end });

describe('tokens', () => {
  const sales = source('www.example.com', '/sales/emea/list/');

  it('make hosts and paths of parts of what was asked for', () => {
    // sales.example.com/emea/list/ out of www.example.com/sales/emea/list/
    expect(hostOf([path(0, 0), host(1)], sales)).toBe('sales.example.com');
    expect(pathOf([path(1)], sales)).toBe('/emea/list/');
    expect(pathOf([text('v2'), path(1, 1)], sales)).toBe('/v2/emea');
    expect(pathOf([text('/v2/'), path(0)], sales)).toBe('/v2/sales/emea/list/');
    expect(pathOf([path(7)], sales)).toBe('/');
    expect(pathOf([text('a b#c\r\n')], sales)).toBe('/a%20b%23c%0D%0A');
  });

  it('take captures and values of groups, encoded where a path may not hold them', () => {
    const captured = source('h', '/x', ['/u/ä b?', 'ä b?', 'z'], '/new/place');
    expect(pathOf([text('/user'), { type: 'path_capture', start: 1, end: 1 }], captured)).toBe(
      '/user/%E4%20b%3F',
    );
    expect(pathOf([{ type: 'path_capture', start: 1, end: 65_535 }], captured)).toBe('/%E4%20b%3Fz');
    expect(pathOf([{ type: 'string_group' }], captured)).toBe('/new/place');
    expect(hostOf([text('a\r\nX: y')], captured)).toBe('aX:y');
  });

  it('keep a query and add to it', () => {
    expect(queryOf(true, 'a=1', 'b=2')).toBe('a=1&b=2');
    expect(queryOf(true, '', '?b=2')).toBe('b=2');
    expect(queryOf(false, 'a=1', undefined)).toBe('');
  });
});

describe('a redirect', () => {
  const base: Redirect = { protocol: 'https', keep_query: true, status: 302 };
  const request = { secure: false, authority: 'www.example.com:8080', path: '/a/b', query: 'q=1' };
  const tokens = source('www.example.com', '/a/b');

  it.each<[string, Partial<Redirect>, string]>([
    [
      'changes the protocol and nothing else, but for the port that belonged to the other',
      {},
      'https://www.example.com/a/b?q=1',
    ],
    ['keeps the port of the same protocol', { protocol: 'http' }, 'http://www.example.com:8080/a/b?q=1'],
    ['names a port that the protocol does not imply', { port: 8443 }, 'https://www.example.com:8443/a/b?q=1'],
    ['leaves out one that it does', { port: 443 }, 'https://www.example.com/a/b?q=1'],
    ['changes the host', { protocol: 'http', host: [text('new.example')] }, 'http://new.example/a/b?q=1'],
    ['changes the path', { path: [text('c'), path(1)], keep_query: false }, 'https://www.example.com/c/b'],
    ['adds to the query', { add_query: 'r=2' }, 'https://www.example.com/a/b?q=1&r=2'],
  ])('%s', (_what, redirect, expected) => {
    expect(redirectTarget({ ...base, ...redirect }, request, tokens)).toBe(expected);
  });

  it('cannot be made to write a header of its own', () => {
    const target = redirectTarget(
      { ...base, path: [{ type: 'path_capture', start: 0, end: 0 }] },
      request,
      source('h', '/', ['/x\r\nSet-Cookie: a=b']),
    );
    expect(target).toBe('https://www.example.com/x%0D%0ASet-Cookie:%20a=b?q=1');
  });
});

const rewrite = (location: string, change: object = {}): string =>
  rewriteLocation({ protocol: 'https', keep_query: true, ...change }, location, 'www.example.com:80', source);

describe('a rewritten location', () => {
  it.each([
    ['http://inner.local:8080/login?x=1#top', {}, 'https://inner.local/login?x=1#top'],
    [
      'http://inner.local/login',
      { host: [text('www.example.com')], port: 8443 },
      'https://www.example.com:8443/login',
    ],
    ['http://inner.local/app/login', { path: [path(1)] }, 'https://inner.local/login'],
    ['/login?x=1', { keep_query: false }, 'https://www.example.com/login'],
    ['//inner.local', {}, 'https://inner.local/'],
    ['mailto:a@b', {}, 'mailto:a@b'],
    ['login', {}, 'login'],
  ])('%s %j', (location, change, expected) => expect(rewrite(location, change)).toBe(expected));
});

const action = (kind: 'add' | 'replace' | 'remove', value?: string) =>
  ({ target: 'cookie', action: kind, name: 'b', ...(value === undefined ? {} : { value }) }) as const;

describe('cookies', () => {
  it('are edited one by one in a request', () => {
    expect(editCookies('a=1; b=2;c=3', action('remove'))).toBe('a=1; c=3');
    expect(editCookies('a=1; b=2;c=3', action('replace', '9'))).toBe('a=1; b=9; c=3');
    expect(editCookies('a=1', action('replace', '9'))).toBe('a=1; b=9');
    expect(editCookies('', action('add', '9'))).toBe('b=9');
    expect(editCookies('b=2', action('remove'))).toBe('');
  });

  it('keep their attributes in a response', () => {
    const set = ['a=1; Path=/', 'b=2; Path=/; HttpOnly'];
    expect(editSetCookies(set, action('replace', '9'))).toEqual(['a=1; Path=/', 'b=9; Path=/; HttpOnly']);
    expect(editSetCookies(set, action('remove'))).toEqual(['a=1; Path=/']);
    expect(editSetCookies(set, action('add', '9'))).toEqual([...set, 'b=9']);
    expect(editSetCookies([], action('replace', '9'))).toEqual(['b=9']);
  });
});
