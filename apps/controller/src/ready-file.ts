import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { EndpointMap } from './config/endpoints.js';
import type { Settings } from './config/settings.js';

/** Field 22 of /proc/PID/stat: together with the pid it names one process for ever. */
export function processStartTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces and parentheses itself.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

/** Writes `DIR/controller/controller.json`, whole or not at all. */
export function createReadyFile(settings: Settings, endpoints: EndpointMap): void {
  const file = path.join(settings.dir, 'controller.json');
  const content = { pid: process.pid, start_time: processStartTime(process.pid), ...endpoints };
  writeFileSync(`${file}.new`, `${JSON.stringify(content)}\n`);
  renameSync(`${file}.new`, file);
}

/** Nobody is to be sent to a controller that has stopped. Another process's file stays. */
export function removeReadyFile(settings: Settings): void {
  const file = path.join(settings.dir, 'controller.json');
  try {
    const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid?: number };
    if (pid === process.pid) rmSync(file, { force: true });
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err;
  }
}

/** The URL of a listener; the unspecified address is reached by loopback. */
export function endpointOf(address: AddressInfo, host: string): string {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `https://${name.includes(':') ? `[${name}]` : name}:${address.port}`;
}
