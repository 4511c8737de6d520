import type { PlaneConfig, Slots } from '@spillway/proxy';
import { applyDelta, assemble, type Fragment, type FragmentId } from '@spillway/snapshot';
import type { AgentMessage } from '../ipc/messages.js';

type Config = Extract<AgentMessage, { type: 'config' }>;

/** What the agent has handed over so far, put together from its changes. */
export class Configuration {
  #fragments: Map<FragmentId, Fragment> = new Map();
  #slots: Required<Slots> = { virtual_services: {}, servers: {}, pools: {} };

  /** The whole configuration after one more message. */
  take(message: Config): PlaneConfig {
    this.#fragments = applyDelta(message.full ? new Map() : this.#fragments, message);
    const slots: Required<Slots> = message.full
      ? { virtual_services: {}, servers: {}, pools: {} }
      : {
          virtual_services: { ...this.#slots.virtual_services },
          servers: { ...this.#slots.servers },
          pools: { ...this.#slots.pools },
        };
    for (const uuid of message.slots.removed_virtual_services) delete slots.virtual_services[uuid];
    for (const key of message.slots.removed_servers) delete slots.servers[key];
    for (const uuid of message.slots.removed_pools) delete slots.pools[uuid];
    Object.assign(slots.virtual_services, message.slots.virtual_services);
    Object.assign(slots.servers, message.slots.servers);
    Object.assign(slots.pools, message.slots.pools);
    this.#slots = slots;
    return { snapshot: assemble(this.#fragments.values(), message.epoch, message.generation), slots };
  }
}
