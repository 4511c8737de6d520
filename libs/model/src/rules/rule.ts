import { show, type FieldError } from '../errors.js';
import type { FilledTypes } from '../generated/filled.js';
import type { KindName } from '../generated/types.js';

/** What a rule may look at beside the object. All of it is optional: a rule that lacks what it needs passes. */
export interface RuleContext<K extends KindName = KindName> {
  /** The stored object, with its defaults, when this is an update. */
  readonly previous?: FilledTypes[K];
  /** The object that a reference stands for, with its defaults. The reference is as it is written in the object. */
  readonly lookup?: <T extends KindName>(kind: T, reference: string) => FilledTypes[T] | undefined;
  /** The system's settings, with their defaults. */
  readonly system?: FilledTypes['systemconfiguration'];
}

/** A check over several fields. Pure; the object has its defaults. */
export type Rule<K extends KindName> = (value: FilledTypes[K], context: RuleContext<K>) => FieldError[];

/** A refusal in the form of every field check: what is wrong, then what to do. */
export function refuse(field: string, problem: string, remedy: string, value?: unknown): FieldError {
  return {
    code: 'rule',
    field,
    message: `Field check for ${field} failed : ${problem}. ${remedy}`,
    ...(value === undefined ? {} : { value }),
  };
}

/** A refusal whose whole text clients know. */
export function refuseAs(field: string, message: string, value?: unknown): FieldError {
  return { code: 'rule', field, message, ...(value === undefined ? {} : { value }) };
}

/** Refuses each element of a list whose key an earlier one has. Elements without a key are skipped. */
export function refuseDuplicates<T>(
  field: string,
  list: readonly T[] | undefined,
  keyOf: (element: T) => string | undefined,
  noun: string,
): FieldError[] {
  const seen = new Map<string, number>();
  return (list ?? []).flatMap((element, i) => {
    const key = keyOf(element);
    const first = key === undefined ? undefined : seen.get(key);
    if (key === undefined) return [];
    if (first === undefined) {
      seen.set(key, i);
      return [];
    }
    return [
      refuse(
        `${field}[${i}]`,
        `${noun} ${show(key)} is already in ${field}[${first}]`,
        'Remove one of the two',
        key,
      ),
    ];
  });
}
