/** Codes that are counted one by one: those of the IANA registry. Any other counts as one of its class. */
const CODES = [
  100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307,
  308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422,
  423, 424, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
] as const;

/** Cells for codes in the slot of a virtual service. */
export const CODE_CELLS = 72;

/** What each cell counts: a code, or `1xx` to `5xx` for what the registry does not know. */
export const CODE_NAMES: readonly string[] = [...CODES.map(String), '1xx', '2xx', '3xx', '4xx', '5xx'];

const CELLS = Uint8Array.from({ length: 600 }, (_, code) => {
  const known = (CODES as readonly number[]).indexOf(code);
  return known >= 0 ? known : CODES.length + Math.max(0, Math.min(4, Math.trunc(code / 100) - 1));
});

/** The cell of a code; what is not a code of HTTP counts as an unknown one of the nearest class. */
export const codeCell = (code: number): number => CELLS[code < 600 ? code : 599] ?? CODES.length;
