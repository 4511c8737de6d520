import type { Case } from './case.js';
import { CONNECTION } from './cases/connection.js';
import { EXPECT_AND_UPGRADE } from './cases/expect-upgrade.js';
import { FIELDS } from './cases/fields.js';
import { REQUEST_FRAMING } from './cases/framing.js';
import { LIMITS } from './cases/limits.js';
import { REQUEST_LINE } from './cases/request-line.js';
import { RESPONSES } from './cases/responses.js';

/** Every case of HTTP/1.1, from request line to time-outs. */
export const HTTP1_CASES: readonly Case[] = [
  ...REQUEST_LINE,
  ...FIELDS,
  ...REQUEST_FRAMING,
  ...CONNECTION,
  ...EXPECT_AND_UPGRADE,
  ...RESPONSES,
  ...LIMITS,
];
