import type { PlaneConfig, Slots } from '@spillway/proxy';
import { applyDelta, assemble, type Fragment, type FragmentId } from '@spillway/snapshot';
import type { AgentMessage } from '../ipc/messages.js';

type Config = Extract<AgentMessage, { type: 'config' }>;

/** What the agent has handed over so far, put together from its changes. */
export class Configuration {
  #fragments: Map<FragmentId, Fragment> = new Map();
  #slots: Slots = { virtual_services: {}, servers: {} };

  /** The whole configuration after one more message. */
  take(message: Config): PlaneConfig {
    this.#fragments = applyDelta(message.full ? new Map() : this.#fragments, message);
    const slots: Slots = message.full
      ? { virtual_services: {}, servers: {} }
      : { virtual_services: { ...this.#slots.virtual_services }, servers: { ...this.#slots.servers } };
    for (const uuid of message.slots.removed_virtual_services) delete slots.virtual_services[uuid];
    for (const key of message.slots.removed_servers) delete slots.servers[key];
    Object.assign(slots.virtual_services, message.slots.virtual_services);
    Object.assign(slots.servers, message.slots.servers);
    this.#slots = slots;
    return { snapshot: assemble(this.#fragments.values(), message.epoch, message.generation), slots };
  }
}
