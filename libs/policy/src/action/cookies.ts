import type { HeaderAction } from '@spillway/snapshot';

export type CookieAction = Extract<HeaderAction, { target: 'cookie' }>;

const nameOf = (pair: string): string => {
  const at = pair.indexOf('=');
  return (at < 0 ? pair : pair.slice(0, at)).trim();
};

/** A Cookie field after an action; empty when no cookie is left. */
export function editCookies(field: string, { action, name, value = '' }: CookieAction): string {
  const pairs = field
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '');
  if (action === 'add') return [...pairs, `${name}=${value}`].join('; ');
  if (action === 'remove') return pairs.filter((pair) => nameOf(pair) !== name).join('; ');
  const found = pairs.some((pair) => nameOf(pair) === name);
  const replaced = pairs.map((pair) => (nameOf(pair) === name ? `${name}=${value}` : pair));
  return (found ? replaced : [...pairs, `${name}=${value}`]).join('; ');
}

/** Set-Cookie fields after an action: a replaced cookie keeps its attributes. */
export function editSetCookies(
  fields: readonly string[],
  { action, name, value = '' }: CookieAction,
): string[] {
  if (action === 'add') return [...fields, `${name}=${value}`];
  if (action === 'remove') return fields.filter((field) => nameOf(field.split(';', 1)[0]!) !== name);
  let found = false;
  const replaced = fields.map((field) => {
    const [pair = '', ...attributes] = field.split(';');
    if (nameOf(pair) !== name) return field;
    found = true;
    return [`${name}=${value}`, ...attributes].join(';');
  });
  return found ? replaced : [...replaced, `${name}=${value}`];
}
