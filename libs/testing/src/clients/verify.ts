import { RequestFailure } from '../http/failure.js';
import { matchesPattern } from '../http/pattern.js';
import type { Response } from '../http/connection.js';
import type { Expectation } from './config.js';

/** Checks a complete response. @throws RequestFailure `bad_status` or `wrong_body`. */
export function verify(response: Response, expect: Expectation): void {
  const { status } = response.head;
  const { status: wanted = 200, body } = expect;
  if (status !== wanted) {
    const text = response.body.subarray(0, 200).toString('latin1');
    throw new RequestFailure('bad_status', `status ${status} instead of ${wanted}: ${text}`, status);
  }
  if (!body) return;
  const got = response.body;
  if ('text' in body) {
    if (got.toString('utf8') !== body.text) {
      throw new RequestFailure(
        'wrong_body',
        `${JSON.stringify(got.subarray(0, 200).toString('utf8'))} instead of ${JSON.stringify(body.text)}`,
        status,
      );
    }
    return;
  }
  if (got.length !== body.pattern) {
    throw new RequestFailure('wrong_body', `${got.length} bytes instead of ${body.pattern}`, status);
  }
  if (!matchesPattern(got, 0)) {
    throw new RequestFailure('wrong_body', `${got.length} bytes, not those that the origin sends`, status);
  }
}
