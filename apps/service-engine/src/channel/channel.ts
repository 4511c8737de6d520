import {
  ChannelCredentials,
  status as grpcStatus,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { CONTROLLER_CHANNEL_OPTIONS, se, UpdateCollector, type ConfigChange } from '@spillway/protocol';
import type { Logger } from '../log/logger.js';
import { EnrolmentError } from './enrolment.js';
import type { SeIdentity } from './identity.js';
import { Reconnect } from './reconnect.js';

/** What the channel asks of the agent, and tells it. */
export interface ChannelEvents {
  hello: () => Promise<se.Hello>;
  /** The controller knows this SE; status and heartbeats may be sent. */
  onWelcome: (welcome: se.Welcome) => void;
  onConfig: (change: ConfigChange) => void;
  onRelease: (reason: string) => void;
  onInspect: (question: se.Inspect) => void;
  onInspectMonitors: (question: se.InspectMonitors) => void;
  onPeerNews: (news: se.PeerNews) => void;
  onClosed: () => void;
  /** Called before each attempt: renews what ran out. */
  identity: () => Promise<SeIdentity>;
}

type Stream = ClientDuplexStream<se.SeMessage, se.ControllerMessage>;
type Body = NonNullable<se.SeMessage['body']>;

/** A controller that does not answer a Hello in this time is passed over. */
const WELCOME_TIMEOUT = 5_000;
/** A token that was refused will hardly be taken a moment later. */
const REFUSED_PAUSE = 10_000;
/** More than this waits to be sent: the stream is stuck and heartbeats are of no use. */
const QUEUE_LIMIT = 4 * 1024 * 1024;
/** What nobody misses while the stream is that far behind. */
const MAY_BE_LOST: ReadonlySet<Body['$case']> = new Set<Body['$case']>([
  'heartbeat',
  'peerNews',
  'monitorCounts',
]);
const OPTIONS = {
  ...CONTROLLER_CHANNEL_OPTIONS,
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  'grpc.max_send_message_length': 16 * 1024 * 1024,
  // Every attempt is a connection of its own: no hidden back-off in front of ours.
  'grpc.use_local_subchannel_pool': 1,
};

export const clientOf = (address: string, identity: SeIdentity): se.SeChannelClient =>
  new se.SeChannelClient(
    address,
    ChannelCredentials.createSsl(
      Buffer.from(identity.caPem),
      Buffer.from(identity.keyPem),
      Buffer.from(identity.certificatePem),
    ),
    OPTIONS,
  );

/** The stream to a controller; it comes back by itself, at another replica where there is one. */
export class Channel {
  #stream: Stream | undefined;
  #client: se.SeChannelClient | undefined;
  #welcome = false;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #reconnect = new Reconnect();

  constructor(
    private readonly events: ChannelEvents,
    private readonly log: Logger,
  ) {}

  get connected(): boolean {
    return this.#welcome;
  }

  /** Resolves when the first attempt has come to something, good or bad. */
  async open(): Promise<void> {
    await this.#attempt();
  }

  send(body: Body): boolean {
    const stream = this.#stream;
    if (stream === undefined || !this.#welcome) return false;
    if (MAY_BE_LOST.has(body.$case) && stream.writableLength > QUEUE_LIMIT) return false;
    stream.write({ body });
    return true;
  }

  /** A new certificate, on the strength of the present one. */
  async renew(csrPem: string): Promise<se.RenewReply> {
    const client = this.#client;
    if (client === undefined) throw new Error('not connected');
    return await new Promise((resolve, reject) => {
      client.renew({ csrPem }, (error, reply) => {
        if (error) reject(error);
        else resolve(reply);
      });
    });
  }

  /** Ends the stream, to begin anew with another Hello. */
  reopen(): void {
    this.#stream?.cancel();
  }

  /** Sends what is queued and ends the stream. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const stream = this.#stream;
    if (stream !== undefined)
      await new Promise<void>((resolve) => {
        const limit = setTimeout(resolve, 200);
        stream.once('status', () => {
          clearTimeout(limit);
          resolve();
        });
        stream.end();
      });
    this.#client?.close();
  }

  async #attempt(): Promise<void> {
    const began = performance.now();
    let address = '';
    try {
      const identity = await this.events.identity();
      address = this.#reconnect.pick(identity.grpc);
      await this.#attach(address, identity);
    } catch (error) {
      if (!this.#closed) this.log.warn('no controller', { address, error });
      this.#again(0, error instanceof EnrolmentError ? REFUSED_PAUSE : 0);
      return;
    }
    this.log.info('attached to a controller', { address, in_ms: Math.round(performance.now() - began) });
  }

  #again(held: number, least = 0): void {
    if (this.#closed) return;
    const pause = Math.max(least, this.#reconnect.pause(held));
    this.#timer = setTimeout(() => void this.#attempt(), pause);
  }

  /** Resolves with the Welcome; from then on the end of the stream starts the next attempt. */
  async #attach(address: string, identity: SeIdentity): Promise<void> {
    const client = clientOf(address, identity);
    const hello = await this.events.hello();
    const stream = client.attach();
    const collector = new UpdateCollector();
    const began = performance.now();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => stream.cancel(), WELCOME_TIMEOUT);
      let failure: Error | undefined;
      stream.on('data', (message: se.ControllerMessage) => {
        if (message.body?.$case === 'welcome') {
          clearTimeout(timer);
          this.#stream = stream;
          this.#client = client;
          this.#welcome = true;
          this.events.onWelcome(message.body.value);
          resolve();
        } else this.#take(message, collector, stream);
      });
      stream.on('error', (error) => {
        failure = error;
      });
      stream.on('end', () => stream.end());
      stream.on('status', () => {
        clearTimeout(timer);
        client.close();
        if (this.#stream !== stream) reject(describe(failure, address));
        else this.#ended(began, describe(failure, address));
      });
      stream.write({ body: { $case: 'hello', value: hello } });
    });
  }

  #ended(began: number, reason: Error): void {
    this.#stream = undefined;
    this.#client = undefined;
    this.#welcome = false;
    this.events.onClosed();
    if (this.#closed) return;
    this.log.warn('the stream to the controller ended', { error: reason });
    this.#again(performance.now() - began);
  }

  #take(message: se.ControllerMessage, collector: UpdateCollector, stream: Stream): void {
    switch (message.body?.$case) {
      case 'configUpdate':
        try {
          const change = collector.add(message.body.value);
          if (change !== undefined) this.events.onConfig(change);
        } catch (error) {
          this.log.error('parts of a change do not fit together: the stream is opened anew', { error });
          stream.cancel();
        }
        break;
      case 'release':
        this.events.onRelease(message.body.value.reason);
        break;
      case 'inspect':
        this.events.onInspect(message.body.value);
        break;
      case 'inspectMonitors':
        this.events.onInspectMonitors(message.body.value);
        break;
      case 'peerNews':
        this.events.onPeerNews(message.body.value);
        break;
      case 'goodbye':
        this.log.info('the controller says goodbye', { reason: message.body.value.reason });
        this.#reconnect.skip();
        stream.end();
        break;
      case 'welcome':
      case undefined:
        break;
    }
  }
}

function describe(failure: Error | undefined, address: string): Error {
  if (failure === undefined) return new Error(`${address} ended the stream`);
  const { code, details } = failure as ServiceError;
  return new Error(`${address}: ${grpcStatus[code] ?? ''} ${details ?? failure.message}`);
}
