/**
 * What a scanner says instead of a position: INCOMPLETE, or one of the reasons to refuse below it. Each reason has
 * the status and the words that a client gets; a server that sends such a message gets its client a 502.
 */
export const INCOMPLETE = -1;

const REASONS = [
  ['REQUEST_LINE', 400, 'malformed request line'],
  ['METHOD', 400, 'malformed method'],
  ['METHOD_LONG', 501, 'no method is as long'],
  ['TARGET', 400, 'malformed request target'],
  ['TARGET_LONG', 414, 'request target too long'],
  ['TARGET_HTTPS', 421, 'an https target needs a connection with TLS'],
  ['CONNECT', 405, 'CONNECT is not served here'],
  ['VERSION', 505, 'only HTTP/1.0 and HTTP/1.1 are spoken here'],
  ['STATUS_LINE', 502, 'malformed status line'],
  ['FIELD_NAME', 400, 'malformed header name'],
  ['FIELD_VALUE', 400, 'forbidden byte in a header value'],
  ['SPACE_BEFORE_COLON', 400, 'white space between header name and colon'],
  ['FOLDED', 400, 'folded header line'],
  ['BARE_CR', 400, 'CR without LF'],
  ['BARE_LF', 400, 'LF without CR'],
  ['TOO_LARGE', 431, 'request head too large'],
  ['TOO_MANY_FIELDS', 431, 'too many headers'],
  ['HOST_MISSING', 400, 'Host header missing'],
  ['HOST_TWICE', 400, 'more than one Host header'],
  ['HOST_INVALID', 400, 'malformed Host header'],
  ['LENGTH_INVALID', 400, 'malformed Content-Length'],
  ['LENGTH_TWICE', 400, 'more than one Content-Length'],
  ['CODING_UNKNOWN', 400, 'unsupported Transfer-Encoding'],
  ['CODING_NOT_IMPLEMENTED', 501, 'no Transfer-Encoding but chunked is implemented'],
  ['CODING_TWICE', 400, 'more than one Transfer-Encoding'],
  ['CODING_AND_LENGTH', 400, 'both Transfer-Encoding and Content-Length'],
  ['CODING_IN_1_0', 400, 'Transfer-Encoding in an HTTP/1.0 message'],
  ['CONNECTION_NAMES_FRAMING', 400, 'Connection header names a header that must not be removed'],
  ['LOOKALIKE', 400, 'header name with an underscore that may be taken for another'],
  ['MAX_FORWARDS', 400, 'malformed Max-Forwards'],
  ['TRACE_CONTENT', 400, 'TRACE with content'],
  ['EXPECTATION', 417, 'unknown expectation'],
  ['CHUNK_SIZE', 400, 'malformed chunk size'],
  ['CHUNK_EXTENSION', 400, 'malformed chunk extension'],
  ['CHUNK_END', 400, 'chunk data longer than its size'],
  ['TRAILER', 400, 'malformed trailer'],
  ['BODY_TOO_LARGE', 413, 'request body too large'],
] as const;

type Name = (typeof REASONS)[number][0];

/** Negative codes by name. */
export const REFUSE = Object.fromEntries(REASONS.map(([name], i) => [name, -2 - i])) as Record<Name, number>;

export interface Refusal {
  name: string;
  status: number;
  text: string;
}

export function refusalOf(code: number): Refusal {
  const reason = REASONS[-2 - code];
  if (reason === undefined) throw new RangeError(`no refusal has the code ${code}`);
  return { name: reason[0], status: reason[1], text: reason[2] };
}
