/** Why a field was refused. The code is stable. */
export type FieldErrorCode =
  | 'required'
  | 'type'
  | 'enum'
  | 'range'
  | 'length'
  | 'items'
  | 'rule'
  | 'unknown_field'
  | 'unhonoured_field';

/** One refusal. `message` stands alone: it names the field, the value, what is allowed and what to do. */
export interface FieldError {
  readonly code: FieldErrorCode;
  /** Dotted path with indices, `servers[0].ratio`. */
  readonly field: string;
  readonly message: string;
  /** The refused value; absent for secrets and where there was none. */
  readonly value?: unknown;
  /** What would be accepted, in words. */
  readonly allowed?: string;
}

/** A value in a message: short, on one line, never a whole object. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A refused value as it may go into a reply: whole, unless that would be long. */
export function shortened(value: unknown): unknown {
  return typeof value === 'object' || (typeof value === 'string' && value.length > 200) ? show(value) : value;
}

/** A refusal by a cross-field rule. */
export function ruleError(field: string, message: string, value?: unknown): FieldError {
  return { code: 'rule', field, message, ...(value === undefined ? {} : { value }) };
}
