import type { LocationRewrite, Redirect } from '@spillway/snapshot';
import { absolute, hostOf, pathOf, printable, queryOf, splitHost, type TokenSource } from './uri.js';

/** The request that is redirected. */
export interface RedirectedRequest {
  readonly secure: boolean;
  /** Host with its port, as the client named it. */
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

/** Where a redirect leads: what it does not set stays as the client asked for it. */
export function redirectTarget(redirect: Redirect, request: RedirectedRequest, source: TokenSource): string {
  const asked = splitHost(request.authority);
  const host = redirect.host === undefined ? asked.host : hostOf(redirect.host, source);
  const path = redirect.path === undefined ? request.path : pathOf(redirect.path, source);
  // A port belongs to the protocol and the host that it was given with.
  const same = (redirect.protocol === 'https') === request.secure && redirect.host === undefined;
  const port = redirect.port ?? (same ? asked.port : -1);
  const query = queryOf(redirect.keep_query, request.query, redirect.add_query);
  return absolute(redirect.protocol, host, port, path === '*' ? '/' : path, query);
}

/**
 * Another Location for a response: tokens are those of the location that the server sent. A relative one is taken as
 * one on the host that the client asked.
 */
export function rewriteLocation(
  rewrite: LocationRewrite,
  location: string,
  authority: string,
  sourceFor: (host: string, path: string) => TokenSource,
): string {
  const parts = /^(?:(https?):)?\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/i.exec(location);
  const relative = parts === null ? /^(\/[^?#]*)(?:\?([^#]*))?(#.*)?$/.exec(location) : null;
  // Neither an absolute one of HTTP nor a path: not ours to understand.
  if (parts === null && relative === null) return location;
  const given = splitHost(parts === null ? authority : parts[2]!);
  const givenPath = (parts === null ? relative![1]! : parts[3]!) || '/';
  const givenQuery = (parts === null ? relative![2] : parts[4]) ?? '';
  const fragment = (parts === null ? relative![3] : parts[5]) ?? '';
  const source = sourceFor(given.host, givenPath);
  const host = rewrite.host === undefined ? given.host : hostOf(rewrite.host, source);
  const path = rewrite.path === undefined ? givenPath : pathOf(rewrite.path, source);
  const target = absolute(
    rewrite.protocol,
    host,
    rewrite.port ?? -1,
    printable(path),
    queryOf(rewrite.keep_query, givenQuery, undefined),
  );
  return target + fragment;
}
