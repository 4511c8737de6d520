import type { PersistenceProfile } from '@spillway/snapshot';
import type { Asker } from '../core/asker.js';
import type { ServerRuntime } from '../core/server.js';
import type { Exchange } from '../http/exchange.js';
import type { HeadEdits } from '../http/edits.js';
import type { Message } from '../http/message.js';

/** What is known of one client while its request or connection is under way. */
export interface Known {
  /** Who found it out. */
  readonly by: Persistence;
  /** The server that it belongs to, as far as that is a server of the pool; null when it is new. */
  server: ServerRuntime | null;
}

/** Leads clients of one pool back to their server (pools document, Persistence). */
export interface Persistence {
  readonly whenDown: PersistenceProfile['when_down'];
  /** What can be told of a client, once per request or connection. */
  recognise(client: Asker): Known;
  /**
   * The client is given a server: it is new, or its own (`known.server`) cannot be had.
   * @returns where it belongs now: elsewhere when another worker was first
   */
  learn(known: Known, server: ServerRuntime): ServerRuntime;
  /** A request is about to be passed on: what is ours does not reach servers. */
  onRequest?(known: Known, message: Message, edits: HeadEdits): void;
  /** The final response has come from `server` and nothing of it has been passed on. */
  onResponse?(known: Known, server: ServerRuntime, x: Exchange, message: Message, edits: HeadEdits): void;
  /** A connection or flow of the client begins: its time does not run until it has ended. */
  begins?(known: Known): void;
  ends?(known: Known): void;
}
