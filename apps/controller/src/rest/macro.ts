import { fieldAt, fieldsOf, isKind, kindOfType, kinds, type KindName } from '@spillway/model';
import { errors } from '../errors.js';
import type { Spec } from '../store/index.js';

/** An object to be made by a macro, after those that it brings with it. */
export interface MacroStep {
  readonly kind: KindName;
  /** The body; a reference to an earlier step is `macro:<index>`. */
  readonly body: Spec;
}

const DEEPEST = 8;
const MOST = 500;

/** The mark of a reference to another step. */
export const stepReference = (index: number): string => `macro:${index}`;
export const stepOf = (reference: unknown): number | undefined => {
  const match = typeof reference === 'string' ? /^macro:(\d{1,4})$/.exec(reference) : null;
  return match ? Number(match[1]) : undefined;
};

/** `VirtualService` or `virtualservice` to its kind. */
export function macroKind(modelName: unknown): KindName {
  const kind = typeof modelName === 'string' ? (kindOfType(modelName) ?? modelName.toLowerCase()) : '';
  if (isKind(kind) && !kinds[kind].singleton) return kind;
  throw errors.badRequest(
    'FIELD_INVALID',
    `Field check for model_name failed : ${JSON.stringify(modelName)} is not a type of object, such as VirtualService.`,
  );
}

/**
 * Takes `<x>_ref_data` (one object) and `<x>_refs_data` (a list) out of a body, at any depth: they are made first, and
 * `<x>_ref` and `<x>_refs` refer to them. A pool without a name in a virtual service is the basic way: `<name>-pool`.
 */
export function planMacro(kind: KindName, data: Spec): MacroStep[] {
  const steps: MacroStep[] = [];
  plan(kind, data, steps, 0);
  return steps;
}

function plan(kind: KindName, data: Spec, steps: MacroStep[], depth: number): number {
  if (depth > DEEPEST)
    throw errors.badRequest('MACRO_INVALID', `A macro nests at most ${DEEPEST} objects deep.`);
  const body = takeOut(kinds[kind].type, data, steps, depth, basicPool(kind, data));
  if (steps.length >= MOST)
    throw errors.badRequest('MACRO_INVALID', `A macro makes at most ${MOST} objects. Split it.`);
  steps.push({ kind, body });
  return steps.length - 1;
}

type Complete = (field: string, nested: Spec) => Spec;

function takeOut(message: string, data: Spec, steps: MacroStep[], depth: number, complete: Complete): Spec {
  const body: Spec = {};
  for (const [key, value] of Object.entries(data)) {
    const reference = /^(.+_refs?)_data$/.exec(key)?.[1];
    const target = reference === undefined ? undefined : fieldAt(message, reference)?.target;
    if (reference === undefined || target === undefined || !isKind(target)) {
      const own = nested(message, key, value, steps, depth);
      // Both may stand in one body, in either order: what is made joins what is named.
      const made = body[key];
      body[key] =
        Array.isArray(made) && Array.isArray(own) ? [...(made as unknown[]), ...(own as unknown[])] : own;
      continue;
    }
    const made = (one: unknown): string => {
      if (typeof one !== 'object' || one === null || Array.isArray(one))
        throw errors.badRequest('MACRO_INVALID', `${key} holds an object to create, or a list of them.`);
      return stepReference(plan(target, complete(reference, one as Spec), steps, depth + 1));
    };
    const before = Array.isArray(body[reference]) ? (body[reference] as unknown[]) : [];
    body[reference] = reference.endsWith('_refs')
      ? [...before, ...(Array.isArray(value) ? value : [value]).map(made)]
      : made(value);
  }
  return body;
}

/** Objects inside (`vip[].network_ref_data`, `members[].pool_ref_data`) may bring objects too. */
function nested(message: string, key: string, value: unknown, steps: MacroStep[], depth: number): unknown {
  const type = fieldsOf(message).get(key)?.nested;
  const enter = (one: unknown): unknown =>
    type !== undefined && typeof one === 'object' && one !== null && !Array.isArray(one)
      ? takeOut(type, one as Spec, steps, depth, (_field, spec) => spec)
      : one;
  return Array.isArray(value) ? value.map(enter) : enter(value);
}

/** A pool that a virtual service brings along is called after it, and serves its port, where it does not say. */
function basicPool(kind: KindName, data: Spec): Complete {
  return (field, spec) => {
    if (kind !== 'virtualservice' || field !== 'pool_ref' || spec['name'] !== undefined) return spec;
    const services = Array.isArray(data['services']) ? (data['services'] as Spec[]) : [];
    const port = services[0]?.['port'];
    return {
      ...(port === undefined ? {} : { default_server_port: port }),
      ...spec,
      name: `${typeof data['name'] === 'string' ? data['name'] : ''}-pool`,
    };
  };
}
