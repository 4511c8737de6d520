/** Numbers of RFC 9113 and RFC 8441. */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const FLAG = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const;

/** RFC 9113 section 7. */
export const ERROR = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
} as const;

export const FRAME_HEADER = 9;
/** Smallest value that SETTINGS_MAX_FRAME_SIZE can have; what we take and send. */
export const FRAME_SIZE = 16_384;
export const MOST_FRAME_SIZE = 16_777_215;
export const DEFAULT_WINDOW = 65_535;
export const MOST_WINDOW = 2 ** 31 - 1;
export const MOST_STREAM = 2 ** 31 - 1;

/** What a client's connection starts with (RFC 9113 section 3.4). */
export const PREFACE: Uint8Array = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Whether `b[start..end)` starts with the preface: 1 yes, 0 no, -1 as far as it goes. */
export function startsWithPreface(b: Uint8Array, start: number, end: number): number {
  const length = Math.min(PREFACE.length, end - start);
  for (let i = 0; i < length; i++) if (b[start + i] !== PREFACE[i]) return 0;
  return length === PREFACE.length ? 1 : -1;
}
