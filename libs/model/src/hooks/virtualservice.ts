import type { Json } from '../walk.js';
import { mapEach, without } from './each.js';
import type { Hooks } from './hooks.js';
import { identifyVips } from './vsvip.js';

/** A service without a range end listens on its one port; the published default of 0 means the same. */
const fillService = (service: Json): Json =>
  service['port_range_end'] === undefined || service['port_range_end'] === 0
    ? { ...service, port_range_end: service['port'] }
    : service;

export const virtualServiceHooks: Hooks = {
  identify: identifyVips,
  fill: (vs) => mapEach(vs, 'services', fillService),
  unfill: (vs) =>
    mapEach(vs, 'services', (service) =>
      service['port_range_end'] === service['port'] ? without(service, 'port_range_end') : service,
    ),
};
