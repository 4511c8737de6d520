/** Something to tell, not told yet. */
interface Waiting {
  readonly topic: string;
  readonly virtualServiceUuid: string;
  readonly item: Uint8Array;
}

/** What goes out in one message. */
export interface Batch {
  readonly topic: string;
  readonly virtualServiceUuid: string;
  readonly items: Uint8Array[];
}

/** Bytes that wait at most; the oldest go first when there are more. */
export const MOST_WAITING = 1024 * 1024;
/** Bytes of items in one message, and of one item. */
export const MOST_BATCH = 256 * 1024;
export const MOST_ITEM = 1024;

/** News that wait to be told, within bounds. */
export class Outbox {
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** Items that gave way, or were too large, since it was asked last. */
  #dropped = 0;

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  put(topic: string, virtualServiceUuid: string, items: readonly Uint8Array[]): void {
    for (const item of items) {
      if (item.length > MOST_ITEM) {
        this.#dropped++;
        continue;
      }
      this.#waiting.push({ topic, virtualServiceUuid, item });
      this.#bytes += item.length;
    }
    let first = 0;
    while (this.#bytes > MOST_WAITING) this.#bytes -= this.#waiting[first++]!.item.length;
    if (first === 0) return;
    this.#waiting.splice(0, first);
    this.#dropped += first;
  }

  /** Everything that waits, in messages of one topic and virtual service each; in the order in which it came. */
  take(): Batch[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    const groups = Map.groupBy(waiting, (w) => `${w.topic} ${w.virtualServiceUuid}`);
    return [...groups.values()].flatMap((group) => {
      const { topic, virtualServiceUuid } = group[0]!;
      return chunks(group.map((w) => w.item)).map((items) => ({ topic, virtualServiceUuid, items }));
    });
  }

  /** Whether anything was lost since the last call. */
  takeDropped(): boolean {
    const dropped = this.#dropped > 0;
    this.#dropped = 0;
    return dropped;
  }
}

/** Items in lists that fit into a message each; at least one list, which may be empty. */
export function chunks(items: readonly Uint8Array[]): Uint8Array[][] {
  const lists: Uint8Array[][] = [[]];
  let bytes = 0;
  for (const item of items) {
    if (bytes + item.length > MOST_BATCH) {
      lists.push([]);
      bytes = 0;
    }
    lists.at(-1)!.push(item);
    bytes += item.length;
  }
  return lists;
}
