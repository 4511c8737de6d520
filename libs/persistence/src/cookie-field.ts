/**
 * The value of a Cookie field without the cookies of one name; the others keep their bytes and their order.
 * @returns the same string when there is none, '' when nothing is left
 */
export function withoutCookie(field: string, name: string): string {
  let left = '';
  let found = false;
  for (let at = 0; at <= field.length;) {
    const semicolon = field.indexOf(';', at);
    const end = semicolon < 0 ? field.length : semicolon;
    if (isCookie(field, at, end, name)) found = true;
    else if (end > at) left += left === '' ? field.slice(at, end).trimStart() : `;${field.slice(at, end)}`;
    at = end + 1;
  }
  return found ? left : field;
}

/** Values of all cookies of that name in a Cookie field, as they stand there. */
export function cookiesOf(field: string, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at <= field.length;) {
    const semicolon = field.indexOf(';', at);
    const end = semicolon < 0 ? field.length : semicolon;
    if (isCookie(field, at, end, name))
      values.push(unquoted(field.slice(field.indexOf('=', at) + 1, end).trim()));
    at = end + 1;
  }
  return values;
}

const unquoted = (value: string): string =>
  value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;

/** Names of cookies are case-sensitive (RFC 6265 section 5.4). */
function isCookie(field: string, from: number, end: number, name: string): boolean {
  let start = from;
  while (start < end && isBlank(field.charCodeAt(start))) start++;
  if (!field.startsWith(name, start)) return false;
  let at = start + name.length;
  while (at < end && isBlank(field.charCodeAt(at))) at++;
  return at < end && field.charCodeAt(at) === EQUALS;
}

const EQUALS = 61;
const isBlank = (c: number): boolean => c === 32 || c === 9;
