import { describe, expect, it } from '@jest/globals';
import { SeEvents, type SeStopping } from './se-events.js';

describe('SeEvents', () => {
  const stopping: SeStopping = { seUuid: 'serviceengine-1', seName: 'se-1', drainTimeout: 5 };

  it('tells every listener until it leaves', () => {
    const events = new SeEvents();
    const heard: string[] = [];
    const off = events.on('stopping', (e) => heard.push(`a ${e.seName}`));
    events.on('stopping', (e) => heard.push(`b ${e.seName}`));
    events.emit('stopping', stopping);
    off();
    events.emit('stopping', stopping);
    expect(heard).toEqual(['a se-1', 'b se-1', 'b se-1']);
  });

  it('reports a listener that throws and goes on', () => {
    const errors: unknown[] = [];
    const events = new SeEvents((name, error) => errors.push([name, (error as Error).message]));
    const heard: string[] = [];
    events.on('stopping', () => {
      throw new Error('boom');
    });
    events.on('stopping', (e) => heard.push(e.seName));
    events.emit('stopping', stopping);
    expect(heard).toEqual(['se-1']);
    expect(errors).toEqual([['stopping', 'boom']]);
  });
});
