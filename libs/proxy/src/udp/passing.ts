import { SECRET_BYTES } from './flow-table.js';

/**
 * A datagram on its way from the worker that got it to the worker whose flow it is, over loopback:
 *
 * ```
 * 0  magic "SWFP"          8   secret of the flow table
 * 4  hops so far           24  port of the client
 * 5  part: 0, or 1 and 2   26  port of the virtual service
 * 6  0                     28  number of the datagram, for its parts
 * 7  length of the address 32  address of the client, text; then the payload
 * ```
 * A payload that leaves no room for this head goes in two parts.
 */
export const PASS_HEAD = 32;
const MAGIC = 0x53574650;
/** Text of the longest IPv6 address with a scope. */
export const MOST_ADDRESS = 64;
const MOST_PASSED = 65_507;

/** Passing on ends after so many hops; then whoever has the datagram serves it. */
export const MOST_HOPS = 3;

export interface Passed {
  hops: number;
  part: number;
  number: number;
  address: string;
  port: number;
  localPort: number;
  /** Where the payload begins. */
  start: number;
}

/** Writes the head of `passed` into `into`; returns its length. */
export function writePass(into: Uint8Array, secret: Uint8Array, passed: Omit<Passed, 'start'>): number {
  const { address } = passed;
  const view = new DataView(into.buffer, into.byteOffset);
  view.setUint32(0, MAGIC);
  into[4] = passed.hops;
  into[5] = passed.part;
  into[6] = 0;
  into[7] = address.length;
  into.set(secret, 8);
  view.setUint16(24, passed.port);
  view.setUint16(26, passed.localPort);
  view.setUint32(28, passed.number);
  for (let i = 0; i < address.length; i++) into[PASS_HEAD + i] = address.charCodeAt(i);
  return PASS_HEAD + address.length;
}

/** Reads a head; false for anything else, which anybody on this host may have sent. */
export function readPass(data: Uint8Array, start: number, end: number, into: Passed): boolean {
  if (end - start < PASS_HEAD) return false;
  const view = new DataView(data.buffer, data.byteOffset + start, end - start);
  const length = data[start + 7]!;
  if (view.getUint32(0) !== MAGIC || length === 0 || length > MOST_ADDRESS) return false;
  if (end - start < PASS_HEAD + length) return false;
  into.hops = data[start + 4]!;
  into.part = data[start + 5]!;
  into.port = view.getUint16(24);
  into.localPort = view.getUint16(26);
  into.number = view.getUint32(28);
  into.address = '';
  for (let i = 0; i < length; i++) into.address += String.fromCharCode(data[start + PASS_HEAD + i]!);
  into.start = start + PASS_HEAD + length;
  return into.part <= 2 && into.hops <= MOST_HOPS;
}

/** Whether the head shows the secret, compared without telling where it differs. */
export function hasSecret(data: Uint8Array, start: number, secret: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < SECRET_BYTES; i++) difference |= data[start + 8 + i]! ^ secret[i]!;
  return difference === 0;
}

/** Whether a payload fits into one datagram together with its head. */
export const fits = (payload: number, address: string): boolean =>
  payload + PASS_HEAD + address.length <= MOST_PASSED;
