import type { FieldError, Parsed } from '@spillway/model';
import { ApiError } from '../errors.js';

/** Collects over one request what was dropped and what was stored without effect; becomes reply headers. */
export class FieldReport {
  readonly unknown = new Set<string>();
  readonly unhonoured = new Set<string>();

  add(parsed: Pick<Parsed<unknown>, 'unknown' | 'unhonoured'>): void {
    for (const path of parsed.unknown) this.unknown.add(path);
    for (const path of parsed.unhonoured) this.unhonoured.add(path);
  }

  headers(): Record<string, string> {
    return {
      ...(this.unknown.size > 0 ? { 'X-Spillway-Unknown': headerList(this.unknown) } : {}),
      ...(this.unhonoured.size > 0 ? { 'X-Spillway-Unhonoured': headerList(this.unhonoured) } : {}),
    };
  }
}

const LONGEST_HEADER = 4000;

/** A header may hold only visible ASCII; a client's field names may hold anything. */
function headerList(paths: ReadonlySet<string>): string {
  const text = [...paths].map((path) => path.replaceAll(/[^\x21-\x7e]/g, '?')).join(', ');
  return text.length > LONGEST_HEADER ? `${text.slice(0, LONGEST_HEADER)}...` : text;
}

/** A 400 with every refused field. */
export function fieldErrors(errors: readonly FieldError[]): ApiError {
  const [first] = errors;
  const rest = errors.length > 1 ? ` (and ${errors.length - 1} more, in "errors")` : '';
  return new ApiError(
    400,
    'FIELD_INVALID',
    `${first?.message ?? 'not valid'}${errors.length > 1 ? rest : ''}`,
    {
      errors,
    },
  );
}
