import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RequestDecision, Verdict } from './decision.js';
import { HttpPolicy } from './policy.js';
import { groups, policySets, request } from './testing/arbitrary.js';
import { factsOf, limitersOf, requestView } from './testing/messages.js';
import { decide } from './testing/naive.js';

describe('compiled rules', () => {
  it('decide as the same rules read one after the other', () => {
    let taken = 0;
    let answered = 0;
    fc.assert(
      fc.property(policySets, fc.array(request, { minLength: 5, maxLength: 20 }), (sets, requests) => {
        const policy = new HttpPolicy(sets, groups, limitersOf());
        const decision = new RequestDecision();
        for (const written of requests) {
          policy.onRequest(requestView(written), factsOf(), 0, decision);
          const seen =
            decision.verdict === Verdict.Answer
              ? { status: decision.answer!.status }
              : { taken: decision.edits.map((edit) => edit.value) };
          const expected = decide(sets, written, groups);
          expect([written, seen]).toEqual([written, expected]);
          if ('taken' in expected) taken += expected.taken.length;
          else answered++;
        }
      }),
      { numRuns: 2000 },
    );
    // The property would also hold of rules that never match.
    expect(Math.min(taken, answered)).toBeGreaterThan(1000);
  });
});
