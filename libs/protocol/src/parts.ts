import { ConfigUpdate, type Fragment } from './generated/spillway/se/v1/channel.js';

/** One change of configuration, before it is cut into parts. */
export interface ConfigChange {
  epoch: number;
  generation: number;
  /** True: the whole snapshot. */
  full: boolean;
  put: readonly Fragment[];
  /** Fragment ids, `type/key`. */
  remove: readonly string[];
}

/** Parts stay below 1 MiB, with room for their own fields. */
export const PART_BYTES = 1_000_000;
/** What a fragment or an id costs beside its strings and its body, at most. */
const OVERHEAD = 32;

/** Cuts a change into messages below 1 MiB (one fragment that is larger goes alone). At least one message. */
export function splitConfig(change: ConfigChange, partBytes = PART_BYTES): ConfigUpdate[] {
  const parts: ConfigUpdate[] = [];
  let size = Infinity;
  const roomFor = (bytes: number): ConfigUpdate => {
    if (size + bytes > partBytes || parts.length === 0) {
      parts.push(
        ConfigUpdate.create({
          epoch: change.epoch,
          generation: change.generation,
          full: change.full,
          part: parts.length,
          last: false,
          put: [],
          remove: [],
        }),
      );
      size = 0;
    }
    size += bytes;
    return parts[parts.length - 1]!;
  };
  for (const id of change.remove) roomFor(id.length * 3 + OVERHEAD).remove.push(id);
  for (const fragment of change.put)
    roomFor(fragment.body.length + fragment.key.length * 3 + OVERHEAD).put.push(fragment);
  roomFor(0).last = true;
  return parts;
}

/** Puts the parts of a change together again. */
export class UpdateCollector {
  #parts: ConfigUpdate[] = [];

  /**
   * The change, once its last part is here. A part that does not follow the one before starts over; one that follows
   * nothing is an error, since applying half a change is worse than asking again.
   */
  add(update: ConfigUpdate): ConfigChange | undefined {
    const before = this.#parts.at(-1);
    if (update.part === 0) this.#parts = [];
    else if (
      before === undefined ||
      before.part + 1 !== update.part ||
      before.generation !== update.generation
    )
      throw new Error(
        `part ${update.part} of generation ${update.generation} does not follow what came before`,
      );
    this.#parts.push(update);
    if (!update.last) return undefined;
    const parts = this.#parts;
    this.#parts = [];
    return {
      epoch: update.epoch,
      generation: update.generation,
      full: update.full,
      put: parts.flatMap((p) => p.put),
      remove: parts.flatMap((p) => p.remove),
    };
  }
}
