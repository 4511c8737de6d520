import type { FastifyInstance } from 'fastify';
import { ApiError } from '../errors.js';
import { MIN_API_VERSION } from '../version.js';
import { sendError } from './exception.filter.js';

const ALWAYS: Readonly<Record<string, string>> = {
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
  'Content-Security-Policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'",
  'Referrer-Policy': 'same-origin',
  'Cache-Control': 'no-store',
  Vary: 'Accept, Cookie',
};

/** What every reply carries, and the version that the client speaks: refused when it is none. */
export function registerReplyHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.headers(ALWAYS);
    const asked = request.headers['x-avi-version'];
    const version = Array.isArray(asked) ? asked[0] : asked;
    if (version === undefined || version === '') void reply.header('AVI_API_VERSION', '16_4_2');
    else if (isVersion(version)) void reply.header('AVI_API_VERSION', version.replaceAll('.', '_'));
    else {
      sendError(
        reply,
        new ApiError(
          400,
          'VERSION_INVALID',
          `Invalid version ${version.slice(0, 40)}. Set X-Avi-Version to a release such as 30.2.1.`,
        ),
      );
      return;
    }
    done();
  });
}

/** A release of the published API: two to four numbers, not older than what is understood. */
export function isVersion(text: string): boolean {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})(?:\.\d{1,4}){0,2}$/.exec(text) ?? [];
  return major !== undefined && Number(`${major}.${minor}`) >= MIN_API_VERSION;
}
