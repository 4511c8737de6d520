import { without } from './each.js';
import type { Hooks } from './hooks.js';

/** People log in with the name, unless a username was given. */
export const userHooks: Hooks = {
  fill: (user) => ('username' in user || !('name' in user) ? user : { ...user, username: user['name'] }),
  unfill: (user) => (user['username'] === user['name'] ? without(user, 'username') : user),
};
