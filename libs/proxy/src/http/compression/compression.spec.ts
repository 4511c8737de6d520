import { describe, expect, it } from '@jest/globals';
import zlib from 'node:zlib';
import { chooseCoding, Coding } from './accept-encoding.js';
import { Coders, Push } from './coder.js';
import { CompressionLoad } from './load.js';

describe('the coding for a client', () => {
  it.each([
    [null, Coding.None],
    ['', Coding.None],
    ['gzip', Coding.Gzip],
    ['GZIP', Coding.Gzip],
    ['x-gzip', Coding.Gzip],
    ['deflate, gzip, br, zstd', Coding.Brotli],
    ['gzip;q=1.0, br;q=0.5', Coding.Gzip],
    ['gzip;q=0.5 , br ; q=0.8', Coding.Brotli],
    ['br;q=0, gzip', Coding.Gzip],
    ['br;q=0, gzip;q=0', Coding.None],
    ['identity', Coding.None],
    ['*', Coding.Brotli],
    ['*;q=0', Coding.None],
    ['*;q=0.1, br;q=0', Coding.Gzip],
    ['gzip;q=0.5, identity', Coding.None],
    ['gzip, identity;q=0.5', Coding.Gzip],
    ['gzip;q=2', Coding.None],
    ['gzip;q=0.0001', Coding.None],
    ['gzip;q=x', Coding.None],
    ['gzip;a=b;Q=0.3', Coding.Gzip],
    ['deflate, zstd', Coding.None],
    ['gzipped', Coding.None],
  ])('that says %j', (value, coding) => {
    expect(chooseCoding(value)).toBe(coding);
  });
});

const text = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => String.fromCharCode(97 + ((i * i) % 23))).join(''));

const DECODE = { [Coding.Gzip]: zlib.gunzipSync, [Coding.Brotli]: zlib.brotliDecompressSync };

describe.each([Coding.Gzip, Coding.Brotli] as const)('coder %d', (coding) => {
  const all = new Coders();

  const whole = (input: Buffer, slice: number, room: number, level: number): Buffer => {
    const coder = all.take(coding, level)!;
    const output = Buffer.alloc(room);
    const parts: Buffer[] = [];
    const take = (): void => void parts.push(Buffer.from(output.subarray(0, coder.written)));
    for (let at = 0; at < input.length;) {
      coder.step(input, at, Math.min(input.length, at + slice), output, Push.Ready);
      at = coder.used;
      take();
    }
    do {
      coder.step(output, 0, 0, output, Push.Finish);
      take();
    } while (coder.written === room);
    all.release(coder);
    return Buffer.concat(parts);
  };

  it('gives back what was put in, in pieces of any size, used again and again', () => {
    for (const length of [0, 1, 1000, 200_000])
      for (const [slice, room] of [
        [16_384, 32_768],
        [1000, 64],
      ] as const)
        for (const level of [1, 5, 9]) {
          const input = text(length);
          expect(DECODE[coding](whole(input, slice, room, level)).equals(input)).toBe(true);
        }
  });

  it('brings out all of it on a flush', () => {
    const coder = all.take(coding, 1)!;
    const output = Buffer.alloc(4096);
    const decoder = coding === Coding.Gzip ? zlib.createGunzip() : zlib.createBrotliDecompress();
    let seen = '';
    decoder.on('data', (d: Buffer) => (seen += d.toString()));
    const input = Buffer.from('event: one\n\n');
    coder.step(input, 0, input.length, output, Push.Ready);
    const first = Buffer.from(output.subarray(0, coder.written));
    coder.step(output, 0, 0, output, Push.Flush);
    const both = Buffer.concat([first, output.subarray(0, coder.written)]);
    const { promise, resolve } = Promise.withResolvers<void>();
    decoder.write(both, () => resolve());
    return promise.then(() => expect(seen).toBe('event: one\n\n'));
  });
});

describe('coders', () => {
  it('have so much memory, and no more', () => {
    const few = new Coders(1024 * 1024);
    const taken = [1, 2, 3].map(() => few.take(Coding.Gzip, 1));
    expect(taken.every((c) => c !== null)).toBe(true);
    expect(few.take(Coding.Gzip, 1)).toBeNull();
    few.release(taken[0]!);
    expect(few.take(Coding.Brotli, 1)).not.toBeNull();
    few.release(taken[1]!);
    few.release(taken[2]!);
    expect(few.take(Coding.Brotli, 5)).not.toBeNull();
  });
});

describe('the share of time', () => {
  it('is that of the last window and the running one', () => {
    const load = new CompressionLoad();
    expect(load.share(10_000)).toBe(0);
    for (let now = 10_000; now < 11_000; now += 10) load.spend(now, 5);
    expect(load.share(11_000)).toBeCloseTo(0.5, 1);
    expect(load.share(11_300)).toBeCloseTo(250 / 800, 1);
    expect(load.share(12_600)).toBe(0);
  });
});
