import { describe, expect, it } from '@jest/globals';
import { invalidDefinitions, OPERATIONS, undosFrom, type OperationDefinition } from './operations.js';

const steps = [...new Set(Object.values(OPERATIONS).flatMap((d) => d.steps.map((s) => s.name)))];
const undos = [...new Set(Object.values(OPERATIONS).flatMap((d) => d.steps.flatMap((s) => s.undo ?? [])))];

describe('operations as data', () => {
  it('are valid', () => expect(invalidDefinitions(OPERATIONS, { steps, undos })).toEqual([]));
  it('have the prompts of the documents', () => {
    expect(OPERATIONS.scaleout.text).toBe('Currently scaling out');
    expect(OPERATIONS.scalein.text).toBe('Currently scaling in');
    expect(OPERATIONS.migrate.text).toBe('Currently migrating');
  });
  it('name what is wrong', () => {
    const bad: OperationDefinition = {
      ...OPERATIONS.place,
      steps: [
        { name: 'choose', label: '', progress: 10, scaleState: '', final: true },
        { name: 'choose', label: '', progress: 10, scaleState: '' },
      ],
    };
    expect(invalidDefinitions({ place: bad }, { steps: [], undos })).toEqual([
      'operation place: step choose has no function',
      'operation place: names step choose twice',
      'operation place: step choose has no function',
      'operation place: progress does not rise at step choose',
      'operation place: step choose may be cancelled, but an earlier one may not',
      'operation place: does not end at 100 %',
    ]);
  });
  it('undo in reverse, each once', () => {
    expect(undosFrom('scaleout', 3)).toEqual(['remove_target', 'restore_scale']);
    expect(undosFrom('scaleout', 0)).toEqual(['restore_scale']);
    expect(undosFrom('scalein', 3)).toEqual(['readmit_source', 'restore_scale']);
  });
});
