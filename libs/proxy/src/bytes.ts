/** A copy of its own memory. (`Buffer.prototype.slice` is a view, so `slice` must not be used for this.) */
export function copyOf(data: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  const copy = Buffer.allocUnsafeSlow(end - start);
  copy.set(data.subarray(start, end));
  return copy;
}

export const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');
