/**
 * Where the message that starts at `from` ends, by the plainest reading of RFC 9112 section 6: a length, or chunked.
 * Positions are -1 while that part has not come.
 */
export function endOfMessage(text: string, from: number): { head: number; end: number } {
  const blank = text.indexOf('\r\n\r\n', from);
  if (blank < 0) return { head: -1, end: -1 };
  const head = blank + 4;
  const fields = text.slice(from, blank + 2).toLowerCase();
  const length = /\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n/.exec(fields);
  if (length !== null) {
    const end = head + Number(length[1]);
    return { head, end: end <= text.length ? end : -1 };
  }
  if (!/\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n/.test(fields)) return { head, end: head };
  return { head, end: endOfChunks(text, head) };
}

function endOfChunks(text: string, from: number): number {
  for (let at = from; ;) {
    const eol = text.indexOf('\r\n', at);
    if (eol < 0) return -1;
    const size = Number.parseInt(text.slice(at, eol), 16);
    if (size === 0) return endOfTrailers(text, eol + 2);
    at = eol + 2 + size + 2;
    if (!(at <= text.length)) return -1;
  }
}

function endOfTrailers(text: string, from: number): number {
  for (let line = from; ;) {
    const eol = text.indexOf('\r\n', line);
    if (eol < 0) return -1;
    if (eol === line) return eol + 2;
    line = eol + 2;
  }
}
