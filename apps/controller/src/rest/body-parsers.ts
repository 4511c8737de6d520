import type { FastifyInstance } from 'fastify';
import { ApiError } from '../errors.js';

/** Largest request body: a restore of a whole configuration is the longest. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** JSON (an empty body is none, since clients send the type with every DELETE) and forms; JSON where no other type is said. */
export function registerBodyParsers(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(/^application\/([\w.+-]+\+)?json/, { parseAs: 'string' }, readJson);
  fastify.addContentTypeParser('*', { parseAs: 'string' }, readJson);
  fastify.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, text, done) => done(null, Object.fromEntries(new URLSearchParams(String(text)))),
  );
}

function readJson(
  _request: unknown,
  text: string | Buffer,
  done: (err: Error | null, body?: unknown) => void,
): void {
  try {
    done(null, parseJson(String(text)));
  } catch (err) {
    done(err as Error);
  }
}

/** Refuses keys that would reach an object's prototype. */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text, (key, value: unknown) => {
      if (key === '__proto__')
        throw new ApiError(400, 'BAD_JSON', 'The body has a key "__proto__". Remove it.');
      return value;
    });
  } catch (err) {
    if (err instanceof ApiError) throw err;
    throw new ApiError(400, 'BAD_JSON', `The body is not JSON: ${(err as Error).message}`);
  }
}
