import { describe, expect, it } from '@jest/globals';
import type { se } from '@spillway/protocol';
import { Inspections } from './inspections.js';
import type { ControllerBody, SeSession } from './session.js';

class Session {
  readonly seName = 'se-1';
  asked: Extract<ControllerBody, { $case: 'inspect' }>['value'] | undefined;
  send(body: ControllerBody): Promise<void> {
    if (body.$case === 'inspect') this.asked = body.value;
    return Promise.resolve();
  }
  get as(): SeSession {
    return this as unknown as SeSession;
  }
}

const part = (id: number, rows: unknown, last: boolean): se.Inspection => ({
  id,
  connections: Buffer.from(typeof rows === 'string' ? rows : JSON.stringify(rows)),
  last,
  truncated: last,
  silentWorkers: last ? [3] : [],
});

describe('questions about connections', () => {
  it('are answered in parts, and only by the stream that was asked', async () => {
    const inspections = new Inspections();
    const [asked, other] = [new Session(), new Session()];
    const answer = inspections.ask(asked.as, 'virtualservice-1', 50);
    expect(asked.asked).toEqual({ id: 1, virtualServiceUuid: 'virtualservice-1', limit: 50 });
    inspections.take(other.as, part(1, [{ a: 0 }], true));
    inspections.take(asked.as, part(1, [{ a: 1 }], false));
    inspections.take(asked.as, part(1, 'no JSON', false));
    inspections.take(asked.as, part(1, [{ a: 2 }, 7, null], true));
    expect(await answer).toEqual({
      connections: [{ a: 1 }, { a: 2 }],
      truncated: true,
      silent_workers: [3],
    });
    // Late parts harm nobody.
    inspections.take(asked.as, part(1, [{ a: 3 }], true));
  });
});
