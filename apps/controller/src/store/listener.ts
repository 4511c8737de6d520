import pg from 'pg';
import type { Logger } from '../config/logger.js';

/** The channel of `NOTIFY`; the payload is the generation. */
export const OUTBOX_CHANNEL = 'spillway_outbox';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

/**
 * Listens on one connection of its own and calls `wake` at each notification and after each (re)connect, since
 * notifications sent while it was away are lost.
 */
export class OutboxListener {
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private wait = FIRST_WAIT_MS;
  private closed = false;

  constructor(
    private readonly url: string,
    private readonly logger: Logger,
    /** The payload of a notification; undefined after each (re)connect. */
    private readonly wake: (payload: string | undefined) => void,
    private readonly channel: string = OUTBOX_CHANNEL,
  ) {}

  async start(): Promise<void> {
    if (this.closed) return;
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'spillway-listen',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    this.client = client;
    client.on('notification', (notification) => this.wake(notification.payload));
    client.on('error', (err) => this.lost(client, err));
    client.on('end', () => this.lost(client));
    try {
      await client.connect();
      await client.query(`LISTEN ${this.channel}`);
      this.wait = FIRST_WAIT_MS;
      this.wake(undefined);
    } catch (err) {
      this.lost(client, err);
    }
  }

  private lost(client: pg.Client, err?: unknown): void {
    if (this.closed || this.client !== client) return;
    this.client = undefined;
    this.logger.warn({ err, retry_ms: this.wait }, 'lost the connection that listens for changes');
    void client
      .end()
      .catch((error: unknown) => this.logger.debug({ err: error }, 'closing a lost connection'));
    this.timer = setTimeout(() => void this.start(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.client
      ?.end()
      .catch((err: unknown) => this.logger.debug({ err }, 'closing the listening connection'));
  }
}
