const { copy } = Buffer.prototype;

/** Copies `data[start..end)` to `target[at..)`; makes no view on the way, which costs more than a small copy. */
export function copyInto(target: Uint8Array, at: number, data: Uint8Array, start: number, end: number): void {
  copy.call(data, target, at, start, end);
}

/** A copy of its own memory. (`Buffer.prototype.slice` is a view, so `slice` must not be used for this.) */
export function copyOf(data: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.allocUnsafeSlow(end - start);
  copyInto(bytes, 0, data, start, end);
  return bytes;
}

export const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice: (this: Uint8Array, start: number, end: number) => string;
};

/** Bytes as text, a character per byte. */
export const latin1Text = (b: Uint8Array, start: number, end: number): string =>
  latin1Slice.call(b, start, end);
