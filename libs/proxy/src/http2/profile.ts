import type { HttpProfile } from '@spillway/snapshot';
import type { SessionLimits } from './session.js';

/** What an application profile allows a client's HTTP/2 connection. */
export interface ClientLimits extends SessionLimits {
  /** Streams open at a time. */
  readonly streams: number;
  /** Bytes of name and value of one field. */
  readonly mostField: number;
  /** Requests before the connection is ended in order; 0: no limit. */
  readonly requests: number;
  /** WebSockets by extended CONNECT. */
  readonly connects: boolean;
}

const made = new WeakMap<HttpProfile, ClientLimits>();

/** Made once per configuration. */
export function clientLimits(profile: HttpProfile): ClientLimits {
  let limits = made.get(profile);
  if (limits === undefined) {
    const { http2 } = profile;
    limits = {
      streams: http2?.max_concurrent_streams ?? 128,
      window: http2?.initial_window_size ?? 65_536,
      mostHead: profile.max_header_size,
      mostField: http2?.max_header_field_size ?? 4096,
      requests: http2?.max_requests ?? 1000,
      controlFrames: http2?.max_control_frames ?? 1000,
      emptyData: http2?.max_empty_data_frames ?? 1000,
      queuedFrames: http2?.max_queued_frames ?? 1000,
      connects: profile.websockets_enabled !== false,
    };
    made.set(profile, limits);
  }
  return limits;
}
