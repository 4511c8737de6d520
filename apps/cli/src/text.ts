/** A scalar of a reply as text; nothing, lists and objects as the empty string or JSON. */
export function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}
