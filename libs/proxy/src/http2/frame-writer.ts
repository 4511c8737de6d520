import type { Output } from './output.js';
import { FLAG, FRAME, FRAME_HEADER } from './protocol.js';

/** Writes a frame header. */
export function header(out: Output, length: number, type: number, flags: number, stream: number): void {
  out.reserve(FRAME_HEADER + length);
  headerAt(out.bytes, out.end, length, type, flags, stream);
  out.end += FRAME_HEADER;
}

export function headerAt(
  b: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): void {
  b[at] = length >> 16;
  b[at + 1] = length >> 8;
  b[at + 2] = length;
  b[at + 3] = type;
  b[at + 4] = flags;
  uint32(b, at + 5, stream);
}

const uint32 = (b: Uint8Array, at: number, n: number): void => {
  b[at] = n >>> 24;
  b[at + 1] = n >>> 16;
  b[at + 2] = n >>> 8;
  b[at + 3] = n;
};

export function rstStream(out: Output, stream: number, error: number): void {
  header(out, 4, FRAME.RST_STREAM, 0, stream);
  uint32(out.bytes, out.end, error);
  out.end += 4;
}

export function windowUpdate(out: Output, stream: number, by: number): void {
  header(out, 4, FRAME.WINDOW_UPDATE, 0, stream);
  uint32(out.bytes, out.end, by);
  out.end += 4;
}

export function goAway(out: Output, lastStream: number, error: number): void {
  header(out, 8, FRAME.GOAWAY, 0, 0);
  uint32(out.bytes, out.end, lastStream);
  uint32(out.bytes, out.end + 4, error);
  out.end += 8;
}

export function settings(out: Output, pairs: readonly (readonly [id: number, value: number])[]): void {
  header(out, 6 * pairs.length, FRAME.SETTINGS, 0, 0);
  for (const [id, value] of pairs) {
    out.bytes[out.end] = id >> 8;
    out.bytes[out.end + 1] = id;
    uint32(out.bytes, out.end + 2, value);
    out.end += 6;
  }
}

export function settingsAck(out: Output): void {
  header(out, 0, FRAME.SETTINGS, FLAG.ACK, 0);
}

/** The opaque 8 bytes are `b[at..at + 8)`. */
export function ping(out: Output, flags: number, b: Uint8Array, at: number): void {
  header(out, 8, FRAME.PING, flags, 0);
  out.append(b, at, at + 8);
}

/**
 * Closes a header block that began with room for a frame header at `from`: writes HEADERS, and CONTINUATION where
 * it is longer than a frame of the peer may be.
 */
export function endHeaders(
  out: Output,
  from: number,
  stream: number,
  flags: number,
  frameSize: number,
): void {
  let length = out.end - from - FRAME_HEADER;
  if (length <= frameSize) {
    headerAt(out.bytes, from, length, FRAME.HEADERS, flags | FLAG.END_HEADERS, stream);
    return;
  }
  const frames = Math.ceil(length / frameSize);
  out.reserve((frames - 1) * FRAME_HEADER);
  const { bytes } = out;
  headerAt(bytes, from, frameSize, FRAME.HEADERS, flags, stream);
  let at = from + FRAME_HEADER + frameSize;
  for (length -= frameSize; length > 0; length -= frameSize) {
    bytes.copyWithin(at + FRAME_HEADER, at, out.end);
    out.end += FRAME_HEADER;
    const n = Math.min(length, frameSize);
    headerAt(bytes, at, n, FRAME.CONTINUATION, length <= frameSize ? FLAG.END_HEADERS : 0, stream);
    at += FRAME_HEADER + n;
  }
}
