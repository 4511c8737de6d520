import { encodeNews, type SharedResult, type Sharing } from '@spillway/health';
import type { PeerNews } from '../peer-news/peer-news.js';

const TOPIC = 'verdicts';
/** Milliseconds that results wait for others, so that thousands go in a few messages. */
const PAUSE = 20;

/** Tells the other SEs of a virtual service what shared checks have come to, and hears it from them. */
export class SharedChecks implements Sharing {
  readonly #waiting = new Map<string, SharedResult[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly seUuid: string,
    private readonly news: Pick<PeerNews, 'add' | 'publish'>,
  ) {}

  /** Who joins makes a first round of its own, and waits for nobody. */
  hear(take: (fromSeUuid: string, items: readonly Uint8Array[]) => void): void {
    this.news.add(TOPIC, {
      concerns: () => false,
      take: (_virtualServiceUuid, items, fromSeUuid) => take(fromSeUuid, items),
      all: () => [],
    });
  }

  tell(virtualServiceUuid: string, result: SharedResult): void {
    const waiting = this.#waiting.get(virtualServiceUuid);
    if (waiting === undefined) this.#waiting.set(virtualServiceUuid, [result]);
    else waiting.push(result);
    this.#timer ??= setTimeout(() => this.#flush(), PAUSE);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #flush(): void {
    this.#timer = undefined;
    for (const [uuid, results] of this.#waiting) this.news.publish(TOPIC, uuid, encodeNews(results));
    this.#waiting.clear();
  }
}
