import type { HttpProfile } from '@spillway/snapshot';
import { responseEdits } from '../http/edits.js';
import { responseMessage } from '../http/message.js';
import type { Head } from './head.js';

/** Longest time that a server's word is taken for, in seconds. */
const LONGEST = 3600;

/**
 * Tells the client in a Keep-Alive field how long its connection is kept without use: as long as the profile says,
 * or, if that leaves it to the servers, as the one that answers says.
 * @returns that time in milliseconds
 */
export function tellKeepAlive(profile: HttpProfile, head: Head, b: Uint8Array): number {
  const told = profile.keepalive_header === 'server' ? serverTime(head, b) : 0;
  const milliseconds = told > 0 ? told * 1000 : profile.keepalive_timeout;
  responseEdits.add('Keep-Alive', `timeout=${Math.max(1, Math.floor(milliseconds / 1000))}`);
  return milliseconds;
}

/** Seconds; 0 when the server says nothing. */
function serverTime(head: Head, b: Uint8Array): number {
  const value = responseMessage.of(b, head).header('keep-alive');
  const seconds = /(?:^|[,;])\s*timeout\s*=\s*(\d{1,9})/i.exec(value ?? '')?.[1];
  return Math.min(LONGEST, Number(seconds ?? 0));
}
