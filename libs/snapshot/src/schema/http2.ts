import { z } from 'zod';

/** Limits of a client's HTTP/2 connection. Sizes in bytes; a limit of frames or requests that is 0 is none. */
export const Http2Profile = z.strictObject({
  /** Streams open at a time. */
  max_concurrent_streams: z.int().min(1).max(256),
  /** Flow-control window of each stream. */
  initial_window_size: z.int().min(65_536).max(33_554_432),
  /** Name, or value, of one field as text. */
  max_header_field_size: z.int().min(1).max(8192),
  /** Requests after which the connection ends in order. */
  max_requests: z.int().min(0).max(10_000),
  /** Control frames beyond those that go with use. */
  max_control_frames: z.int().min(0).max(10_000),
  /** Empty DATA frames that end nothing. */
  max_empty_data_frames: z.int().min(0).max(10_000),
  /** Answers to control frames that wait for a client that does not read. */
  max_queued_frames: z.int().min(0).max(10_000),
});
export type Http2Profile = z.infer<typeof Http2Profile>;
