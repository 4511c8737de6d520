/** The body of `/echo/<id>/<length>`: a part that is lost, repeated or another's shows. */
export function bodyOf(id: number, length: number): string {
  const b = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) b[i] = 33 + ((id * 31 + i * 7 + (i >> 6)) % 90);
  return b.toString('latin1');
}

/** A checksum of what was sent up. */
export function sumOf(text: string): number {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  return sum >>> 0;
}
