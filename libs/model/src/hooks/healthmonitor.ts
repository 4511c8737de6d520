import { isObject, type Json } from '../walk.js';
import { without } from './each.js';
import type { Hooks } from './hooks.js';

/** An HTTP check without response codes takes 2xx and 3xx for healthy. */
const CODES: readonly string[] = ['HTTP_2XX', 'HTTP_3XX'];
const FIELDS = ['http_monitor', 'https_monitor'];

function change(monitor: Json, edit: (http: Json) => Json): Json {
  const changed = { ...monitor };
  for (const field of FIELDS) {
    const http = changed[field];
    if (isObject(http)) changed[field] = edit(http);
  }
  return changed;
}

const isDefault = (codes: unknown): boolean =>
  Array.isArray(codes) && codes.length === CODES.length && CODES.every((code, i) => codes[i] === code);

export const healthMonitorHooks: Hooks = {
  fill: (monitor) =>
    change(monitor, (http) =>
      'http_response_code' in http ? http : { ...http, http_response_code: [...CODES] },
    ),
  unfill: (monitor) =>
    change(monitor, (http) =>
      isDefault(http['http_response_code']) ? without(http, 'http_response_code') : http,
    ),
};
