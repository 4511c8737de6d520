/**
 * Checks what a client got: responses one behind the other, each framed as RFC 9112 asks. What is incomplete at the
 * end is allowed only if the connection was reset, or if nothing but its end could end the body.
 * @returns what is wrong; null when nothing is
 */
export function faultOf(text: string, reset: boolean, ended: boolean): string | null {
  let at = 0;
  while (at < text.length) {
    const blank = text.indexOf('\r\n\r\n', at);
    if (blank < 0) return cutShort(reset, ended, 'in a head', text.slice(at));
    const head = text.slice(at, blank + 2);
    const start = blank + 4;
    const status = /^HTTP\/1\.1 (\d{3}) [^\r\n\0]*\r\n/.exec(head);
    if (status === null) return `no status line in ${JSON.stringify(head.slice(0, 200))}`;
    const bad = head
      .slice(head.indexOf('\r\n') + 2)
      .split('\r\n')
      .slice(0, -1)
      // eslint-disable-next-line no-control-regex
      .find((l) => !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/.test(l));
    if (bad !== undefined) return `malformed line ${JSON.stringify(bad)}`;
    const code = Number(status[1]);
    if (code === 101) return null;
    if (code < 200 || code === 204 || code === 304) {
      if (code !== 304 && /\r\n(content-length|transfer-encoding):/i.test(head))
        return `${code} with framing`;
      at = start;
      continue;
    }
    const end = bodyEnd(text, head, start);
    if (typeof end === 'string') return end;
    if (end === UNTIL_END) return null;
    if (end < 0) return cutShort(reset, ended, 'in a body', head);
    at = end;
  }
  return null;
}

/** Only the end of the connection ends the body. */
const UNTIL_END = -2;

function bodyEnd(text: string, head: string, start: number): number | string {
  const lengths = head.match(/\r\ncontent-length:/gi) ?? [];
  const codings = head.match(/\r\ntransfer-encoding:/gi) ?? [];
  if (lengths.length + codings.length > 1) return `framed twice: ${JSON.stringify(head)}`;
  if (lengths.length === 1) {
    const length = /\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n/i.exec(head);
    if (length === null) return `malformed length: ${JSON.stringify(head)}`;
    const end = start + Number(length[1]);
    return end <= text.length ? end : -1;
  }
  if (codings.length === 0)
    return /\r\nconnection: close\r\n/i.test(head)
      ? UNTIL_END
      : `a body without an end: ${JSON.stringify(head)}`;
  for (let at = start; ;) {
    const eol = text.indexOf('\r\n', at);
    if (eol < 0) return -1;
    const size = /^([0-9a-f]+)(;[^\r\n]*)?$/i.exec(text.slice(at, eol));
    if (size === null) return `malformed chunk size ${JSON.stringify(text.slice(at, eol))}`;
    const n = Number.parseInt(size[1]!, 16);
    if (n === 0) {
      const last = text.startsWith('\r\n', eol + 2) ? eol + 4 : text.indexOf('\r\n\r\n', eol + 2) + 4;
      return last >= 4 && last > eol ? last : -1;
    }
    at = eol + 2 + n + 2;
    if (at > text.length) return -1;
    if (text.slice(at - 2, at) !== '\r\n') return 'a chunk without its end';
  }
}

const cutShort = (reset: boolean, ended: boolean, where: string, text: string): string | null =>
  ended && !reset ? `ended in order ${where}: ${JSON.stringify(text.slice(0, 300))}` : null;
