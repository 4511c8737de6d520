import type { se } from '@spillway/protocol';
import type { DesiredPlacement, ObservedPlacement } from '../database/entities/index.js';

export type { DesiredPlacement, ObservedPlacement };

/** An SE's stream is attached, its Hello was accepted and `se_runtime.connected` is written. */
export interface SeConnected {
  seUuid: string;
  seName: string;
  bootId: string;
  /** The agent is a new process: what it said before is void until its first full Status. */
  restarted: boolean;
  /** It was declared down before (or never seen): SE_UP is recorded. */
  cameUp: boolean;
}

export type DisconnectReason = 'stream_lost' | 'heartbeat_missed' | 'replaced' | 'stopping' | 'released';

/** An SE's stream is gone. It may still serve; nothing is moved yet (see `SeDown`). */
export interface SeDisconnected {
  seUuid: string;
  seName: string;
  reason: DisconnectReason;
}

/**
 * An SE counts as lost: its stream did not come back within the heartbeat time-out, or its process is known to be
 * gone. From here on its placements may be given to others. Never emitted while mass failover is held.
 */
export interface SeDown {
  seUuid: string;
  seName: string;
  reason: string;
  /** The SE's processes are known to have ended (same pid scope), so it cannot hold a VIP any more. */
  fenced: boolean;
}

/** An SE was told to stop and drains by itself: place elsewhere meanwhile. */
export interface SeStopping {
  seUuid: string;
  seName: string;
  /** Milliseconds. */
  drainTimeout: number;
}

/** `placement.observed` of one row changed and is committed; read the row, this is only the news of it. */
export interface PlacementObserved {
  seUuid: string;
  vsUuid: string;
  vipId: string;
  observed: ObservedPlacement;
  code: string;
  reason: string;
  holder: string;
  connectionsLeft: number;
  connectionsReset: number;
}

/** `server_verdict` rows of one SE changed and are committed. */
export interface ServerVerdictChanged {
  seUuid: string;
  poolUuid: string;
  /** `address:port`, IPv6 in brackets. */
  server: string;
  up: boolean;
  failureCode: string;
}

/** Primary pools of pool groups went down on an SE, which told so; it tells again until its snapshot knows of them. */
export interface PrimaryPoolsDown {
  seUuid: string;
  pools: readonly se.PoolGroupDeactivation[];
}

/** An SE has made this generation live, or refused it. */
export interface ConfigAnswered {
  seUuid: string;
  epoch: number;
  generation: number;
  nack?: { code: string; reason: string; path: string };
}

export interface SeEventMap {
  primaryPoolsDown: PrimaryPoolsDown;
  connected: SeConnected;
  disconnected: SeDisconnected;
  down: SeDown;
  stopping: SeStopping;
  placementObserved: PlacementObserved;
  serverVerdict: ServerVerdictChanged;
  configAnswered: ConfigAnswered;
}

export type SeEventName = keyof SeEventMap;

/**
 * What SEs say, as news inside this replica: whoever listens re-reads the rows, so that missing an event costs
 * latency only. Emitted by the replica that holds the SE's stream, after the commit of what the event is about.
 */
export class SeEvents {
  readonly #listeners = new Map<SeEventName, Set<(event: never) => void>>();

  constructor(private readonly onError: (name: SeEventName, error: unknown) => void = () => undefined) {}

  /** Returns the function that ends the subscription. */
  on<K extends SeEventName>(name: K, listener: (event: SeEventMap[K]) => void): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => void set.delete(listener);
  }

  /** A listener that throws is reported and does not keep the others from hearing it. */
  emit<K extends SeEventName>(name: K, event: SeEventMap[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as (event: SeEventMap[K]) => void)(event);
      } catch (error) {
        this.onError(name, error);
      }
    }
  }
}
