import { randomUUID } from 'node:crypto';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { se } from '@spillway/protocol';
import type { DisconnectReason } from './se-events.js';

export type SeStream = ServerDuplexStream<se.SeMessage, se.ControllerMessage>;
export type ControllerBody = NonNullable<se.ControllerMessage['body']>;

/** One attached stream of one SE, from its Hello until it ends. */
export class SeSession {
  /** Names this stream among all streams of all replicas. */
  readonly id = randomUUID();
  readonly seUuid: string;
  readonly attachedAt = Date.now();
  /** When the SE said something last, in milliseconds since 1970. */
  heardAt = Date.now();
  /** Newest heartbeat, kept in memory. */
  heartbeat: se.Heartbeat | undefined;
  heartbeatWrittenAt = 0;
  /** Why the stream ends, once that is known. */
  endReason: DisconnectReason = 'stream_lost';
  #ended = false;
  #waiting: (() => void)[] = [];

  constructor(
    private readonly stream: SeStream,
    readonly hello: se.Hello,
    /** As the store names it; the Hello's name is only what the SE believes. */
    readonly seName: string,
    private readonly onEnd: (session: SeSession) => void,
  ) {
    this.seUuid = hello.seUuid;
    stream.on('drain', () => this.#resume());
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Queues a message; resolves when the stream takes more, at once when it already does or has ended. */
  async send(body: ControllerBody): Promise<void> {
    if (this.#ended || this.stream.write({ body })) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Says why, and ends the stream. Called again without effect. */
  end(reason: DisconnectReason, body?: ControllerBody): void {
    if (this.#ended) return;
    this.endReason = reason;
    if (body !== undefined) this.stream.write({ body });
    this.stream.end();
    this.closed();
  }

  /** The stream is gone: nothing can be sent any more. Called again without effect. */
  closed(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#resume();
    this.onEnd(this);
  }

  #resume(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
