import { describe, expect, it } from '@jest/globals';
import { Reselect } from '@spillway/snapshot';
import fc from 'fast-check';
import { reselectOf } from './reselect.js';

const given = (spec: object) => reselectOf({ server_reselect: { enabled: true, ...spec } as never });

describe('server reselect', () => {
  it('is off unless it is on', () => {
    expect(reselectOf({})).toBeUndefined();
    expect(reselectOf({ server_reselect: { enabled: false } as never })).toBeUndefined();
    expect(given({})).toEqual({ retries: 4, nonidempotent: false, timeout: 0, statuses: [] });
  });

  it('joins codes, ranges and blocks', () => {
    const codes = {
      codes: [404, 403],
      ranges: [{ begin: 501, end: 503 }],
      resp_code_block: ['HTTP_RSP_5XX'],
    };
    expect(given({ svr_resp_code: codes })?.statuses).toEqual([
      { from: 403, to: 404 },
      { from: 500, to: 599 },
    ]);
  });

  it('stands for the codes that are written, errors alone, whatever is written', () => {
    const code = fc.integer({ min: 0, max: 999 });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 400, max: 599 }), { maxLength: 5 }),
        fc.array(fc.record({ begin: code, end: code }), { maxLength: 4 }),
        fc.subarray(['HTTP_RSP_4XX', 'HTTP_RSP_5XX']),
        code,
        (codes, ranges, blocks, status) => {
          const spec = given({ svr_resp_code: { codes, ranges, resp_code_block: blocks } });
          expect(Reselect.safeParse(spec).success).toBe(true);
          const written =
            codes.includes(status) ||
            ranges.some((r) => status >= r.begin && status <= r.end) ||
            blocks.includes(status < 500 ? 'HTTP_RSP_4XX' : 'HTTP_RSP_5XX');
          const isError = status >= 400 && status <= 599;
          expect(spec?.statuses.some((s) => status >= s.from && status <= s.to)).toBe(written && isError);
        },
      ),
    );
  });
});
