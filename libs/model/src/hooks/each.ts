import { isObject, type Json } from '../walk.js';

/** A copy with every object of a repeated field changed; what is not a list of objects stays as it is. */
export function mapEach(value: Json, field: string, change: (element: Json, index: number) => Json): Json {
  const list = value[field];
  if (!Array.isArray(list)) return value;
  return { ...value, [field]: list.map((e: unknown, i) => (isObject(e) ? change(e, i) : e)) };
}

/** A copy without one field. */
export function without(value: Json, field: string): Json {
  const { [field]: _dropped, ...rest } = value;
  return rest;
}
