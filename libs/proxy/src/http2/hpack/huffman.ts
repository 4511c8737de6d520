/**
 * The Huffman code of RFC 7541 appendix B. It is canonical (codes of one length ascend with the symbol), so the
 * lengths say everything.
 */
const SYMBOLS_BY_LENGTH: readonly (readonly [bits: number, symbols: readonly number[]])[] = [
  [5, [48, 49, 50, 97, 99, 101, 105, 111, 115, 116]],
  [
    6,
    [
      32, 37, 45, 46, 47, 51, 52, 53, 54, 55, 56, 57, 61, 65, 95, 98, 100, 102, 103, 104, 108, 109, 110, 112,
      114, 117,
    ],
  ],
  [
    7,
    [
      58, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89, 106,
      107, 113, 118, 119, 120, 121, 122,
    ],
  ],
  [8, [38, 42, 44, 59, 88, 90]],
  [10, [33, 34, 40, 41, 63]],
  [11, [39, 43, 124]],
  [12, [35, 62]],
  [13, [0, 36, 64, 91, 93, 126]],
  [14, [94, 125]],
  [15, [60, 96, 123]],
  [19, [92, 195, 208]],
  [20, [128, 130, 131, 162, 184, 194, 224, 226]],
  [21, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]],
  [
    22,
    [
      129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190,
      196, 198, 228, 232, 233,
    ],
  ],
  [
    23,
    [
      1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175,
      180, 182, 183, 188, 191, 197, 231, 239,
    ],
  ],
  [24, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]],
  [25, [199, 207, 234, 235]],
  [26, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]],
  [27, [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254]],
  [
    28,
    [
      2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127,
      220, 249,
    ],
  ],
  [30, [10, 13, 22, 256]],
];

const EOS = 256;

/** Code and length of each symbol, EOS last. */
const CODES = new Uint32Array(257);
const LENGTHS = new Uint8Array(257);
{
  let code = 0;
  let before = 0;
  for (const [bits, symbols] of SYMBOLS_BY_LENGTH) {
    code *= 2 ** (bits - before);
    before = bits;
    for (const symbol of symbols) {
      CODES[symbol] = code++;
      LENGTHS[symbol] = bits;
    }
  }
}

/** A step of the decoder takes four bits: `state * 16 + bits` leads to the next state, and at most to one symbol. */
const STEPS = new Uint32Array(256 * 16);
const SYMBOL_SHIFT = 8;
const EMITS = 1 << 16;
const FAILS = 1 << 17;
/** The bits since the last symbol are a valid padding: less than a byte, and all ones. */
const ENDS = 1 << 18;

buildSteps();

function buildSteps(): void {
  // Inner nodes of the code's tree; a child below zero is the symbol -1 - child.
  const children: [number, number][] = [[0, 0]];
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    for (let bit = LENGTHS[symbol]! - 1; bit >= 0; bit--) {
      const way = Math.floor(CODES[symbol]! / 2 ** bit) % 2;
      if (bit === 0) children[node]![way] = -1 - symbol;
      else {
        if (children[node]![way] === 0) {
          children.push([0, 0]);
          children[node]![way] = children.length - 1;
        }
        node = children[node]![way]!;
      }
    }
  }
  const ends = new Set<number>();
  for (let node = 0, depth = 0; depth < 8; depth++, node = children[node]![1]) ends.add(node);
  for (let state = 0; state < children.length; state++)
    for (let bits = 0; bits < 16; bits++) STEPS[state * 16 + bits] = step(children, ends, state, bits);
}

function step(children: [number, number][], ends: Set<number>, state: number, bits: number): number {
  let node = state;
  let symbol = -1;
  for (let bit = 3; bit >= 0; bit--) {
    node = children[node]![(bits >> bit) & 1]!;
    if (node >= 0) continue;
    symbol = -1 - node;
    if (symbol === EOS) return FAILS;
    node = 0;
  }
  return node | (symbol >= 0 ? EMITS | (symbol << SYMBOL_SHIFT) : 0) | (ends.has(node) ? ENDS : 0);
}

/** Longest text that so many bytes of code can mean. */
export const decodedMost = (length: number): number => Math.floor((length * 8) / 5);

/**
 * Decodes `b[start..end)` to `out[at..)`, which has room for `decodedMost`.
 * @returns the position behind the text, or -1 when the code is wrong (RFC 7541 section 5.2)
 */
export function decodeHuffman(
  b: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  let state = ENDS;
  let o = at;
  for (let i = start; i < end; i++) {
    const byte = b[i]!;
    state = STEPS[((state & 255) << 4) | (byte >> 4)]!;
    if ((state & EMITS) !== 0) out[o++] = state >> SYMBOL_SHIFT;
    else if (state === FAILS) return -1;
    state = STEPS[((state & 255) << 4) | (byte & 15)]!;
    if ((state & EMITS) !== 0) out[o++] = state >> SYMBOL_SHIFT;
    else if (state === FAILS) return -1;
  }
  return (state & ENDS) !== 0 ? o : -1;
}

/** Bytes that the code of `b[start..end)` takes. */
export function huffmanLength(b: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let i = start; i < end; i++) bits += LENGTHS[b[i]!]!;
  return (bits + 7) >> 3;
}

/** Encodes `b[start..end)` to `out[at..)`; the position behind it. */
export function encodeHuffman(
  b: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  let o = at;
  // At most 7 bits wait; codes have up to 30, so they go in two halves to stay within 32 bits.
  let acc = 0;
  let waiting = 0;
  for (let i = start; i < end; i++) {
    const symbol = b[i]!;
    let left = LENGTHS[symbol]!;
    const code = CODES[symbol]!;
    while (left > 0) {
      const take = Math.min(left, 16);
      left -= take;
      acc = (acc << take) | ((code >>> left) & (2 ** take - 1));
      waiting += take;
      while (waiting >= 8) {
        waiting -= 8;
        out[o++] = acc >> waiting;
      }
      acc &= 2 ** waiting - 1;
    }
  }
  if (waiting > 0) out[o++] = (acc << (8 - waiting)) | (2 ** (8 - waiting) - 1);
  return o;
}
