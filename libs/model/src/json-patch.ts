import { equal } from './equal.js';
import { ruleError, show, type FieldError } from './errors.js';
import { isObject, type Json } from './walk.js';

/** Why an operation cannot be applied; the caller turns it into a refusal that names the operation. */
class Inapplicable extends Error {}

type Holder = { readonly list: unknown[] } | { readonly object: Json };

function parsePointer(pointer: unknown, member: string): string[] {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/'))) {
    throw new Inapplicable(`${member} ${show(pointer)} is not a JSON pointer such as /servers/0/port`);
  }
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (steps.includes('__proto__')) throw new Inapplicable(`${member} ${show(pointer)} names no field`);
  return steps;
}

/** An index into a list; `-` is the place after its end. */
function indexIn(list: readonly unknown[], step: string, end: number): number {
  const index = step === '-' ? list.length : /^(0|[1-9]\d*)$/.test(step) ? Number(step) : NaN;
  if (!(index <= end)) throw new Inapplicable(`${show(step)} is not an index of a list of ${list.length}`);
  return index;
}

function get(value: unknown, steps: readonly string[]): unknown {
  let at = value;
  for (const step of steps) {
    if (Array.isArray(at)) at = at[indexIn(at, step, at.length - 1)];
    else if (isObject(at) && Object.hasOwn(at, step)) at = at[step];
    else throw new Inapplicable(`there is nothing at ${show(step)}`);
  }
  return at;
}

function holderOf(value: unknown, steps: readonly string[]): Holder {
  const at = get(value, steps.slice(0, -1));
  if (Array.isArray(at)) return { list: at };
  if (isObject(at)) return { object: at };
  throw new Inapplicable('the path goes through a value that is neither a list nor an object');
}

function add(root: unknown, steps: readonly string[], value: unknown): unknown {
  const last = steps.at(-1);
  if (last === undefined) return value;
  const holder = holderOf(root, steps);
  if ('list' in holder) holder.list.splice(indexIn(holder.list, last, holder.list.length), 0, value);
  else holder.object[last] = value;
  return root;
}

function remove(root: unknown, steps: readonly string[]): unknown {
  const last = steps.at(-1);
  if (last === undefined) throw new Inapplicable('the whole object cannot be removed');
  get(root, steps);
  const holder = holderOf(root, steps);
  if ('list' in holder) holder.list.splice(indexIn(holder.list, last, holder.list.length - 1), 1);
  else delete holder.object[last];
  return root;
}

function replace(root: unknown, steps: readonly string[], value: unknown): unknown {
  get(root, steps);
  return steps.length === 0 ? value : add(remove(root, steps), steps, value);
}

function move(root: unknown, from: readonly string[], steps: readonly string[]): unknown {
  if (from.length < steps.length && from.every((step, i) => step === steps[i])) {
    throw new Inapplicable('a value cannot move into itself');
  }
  const value = get(root, from);
  return add(remove(root, from), steps, value);
}

function apply(root: unknown, operation: Json): unknown {
  const steps = parsePointer(operation['path'], 'path');
  const needsValue = (): unknown => {
    if (!('value' in operation)) throw new Inapplicable('it has no value');
    return structuredClone(operation['value']);
  };
  switch (operation['op']) {
    case 'add':
      return add(root, steps, needsValue());
    case 'remove':
      return remove(root, steps);
    case 'replace':
      return replace(root, steps, needsValue());
    case 'move':
      return move(root, parsePointer(operation['from'], 'from'), steps);
    case 'copy':
      return add(root, steps, structuredClone(get(root, parsePointer(operation['from'], 'from'))));
    case 'test':
      if (!equal(get(root, steps), needsValue())) throw new Inapplicable('the value there is another one');
      return root;
    default:
      throw new Inapplicable(
        `op ${show(operation['op'])} is not one of add, remove, replace, move, copy, test`,
      );
  }
}

/**
 * Applies JSON Patch operations (RFC 6902) to a copy of a value: all of them or, with an error that names the first
 * inapplicable one, none. The result is not validated.
 */
export function applyJsonPatch(
  current: unknown,
  operations: unknown,
): { value: unknown; errors: FieldError[] } {
  if (!Array.isArray(operations)) {
    return { value: current, errors: [ruleError('json_patch', 'json_patch is not a list of operations')] };
  }
  let value: unknown = structuredClone(current);
  for (const [i, operation] of operations.entries()) {
    try {
      if (!isObject(operation)) throw new Inapplicable('it is not an object');
      value = apply(value, operation);
    } catch (error) {
      if (!(error instanceof Inapplicable)) throw error;
      const field = `json_patch[${i}]`;
      return { value: current, errors: [ruleError(field, `${field} cannot be applied: ${error.message}`)] };
    }
  }
  return { value, errors: [] };
}
