import { refuse, type Rule } from './rule.js';

const CLASSES = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z\d]/];

/** Passwords are checked where they are set in clear; they are stored only as a hash. */
export const userRules: Rule<'user'> = ({ password }, { system }) => {
  const portal = system?.portal_configuration;
  const least = portal?.minimum_password_length ?? 8;
  if (password === undefined) return [];
  if (password.length < least) {
    return [refuse('password', `${password.length} characters are too few`, `Choose at least ${least}`)];
  }
  if (portal?.password_strength_check && CLASSES.filter((c) => c.test(password)).length < 3) {
    const remedy = 'Use three of: lower case, upper case, digits, other characters';
    return [refuse('password', 'it is too simple', remedy)];
  }
  return [];
};
