import type { Pool as PoolSpec, Server } from '@spillway/snapshot';
import { latin1 } from '../bytes.js';

/** Longest line that this makes: `Host: `, a name of 255, a port, CRLF. */
const LONGEST = 270;
/** Lines are remembered for so many ports of a virtual service, where it is its port that counts. */
const MOST_REMEMBERED = 256;
const NAME = /^[A-Za-z0-9._-]+$/;

/**
 * What the servers of a pool are told as Host (pools document, Rewrite Host Header to Server Name): per server and
 * port a whole line. Pools that leave the Host alone have none of it.
 */
export class HostNames {
  /** Room that a head needs in front of it. */
  readonly room = LONGEST;
  private readonly hosts: readonly (string | null)[];
  private readonly lines: (Uint8Array | null)[];
  private readonly byPort = new Map<number, Map<number, Uint8Array>>();

  private constructor(
    private readonly append: 'non_default' | 'never' | 'always',
    private readonly ports: readonly number[],
    hosts: readonly (string | null)[],
  ) {
    this.hosts = hosts;
    this.lines = hosts.map((host, i) =>
      host === null || ports[i] === 0 ? null : this.line(host, ports[i]!),
    );
  }

  /** Null for a pool whose servers get the Host of the client. */
  static of({ host_header: spec, servers, tls }: PoolSpec): HostNames | null {
    if (spec === undefined) return null;
    const hosts = servers.map((server) => {
      if (server.rewrite_host_header === true || spec.to === 'server_name') return nameOf(server);
      return spec.to === 'sni' ? (tls?.server_name ?? null) : null;
    });
    const ports = servers.map(({ port }) => port);
    return hosts.every((host) => host === null) ? null : new HostNames(spec.append_port, ports, hosts);
  }

  /**
   * The line for the server at that place of the pool; null when it gets the Host of the client.
   * @param port on which it is spoken to
   */
  lineFor(place: number, port: number): Uint8Array | null {
    return this.ports[place] === 0 ? this.lineAt(place, port) : (this.lines[place] ?? null);
  }

  private lineAt(place: number, port: number): Uint8Array | null {
    const host = this.hosts[place] ?? null;
    if (host === null) return null;
    let lines = this.byPort.get(port);
    if (lines === undefined) {
      if (this.byPort.size >= MOST_REMEMBERED) this.byPort.clear();
      this.byPort.set(port, (lines = new Map()));
    }
    let line = lines.get(place);
    if (line === undefined) lines.set(place, (line = this.line(host, port)));
    return line;
  }

  private line(host: string, port: number): Uint8Array {
    const { append } = this;
    const told = append === 'always' || (append === 'non_default' && port !== 80 && port !== 443);
    return latin1(`Host: ${host}${told ? `:${port}` : ''}\r\n`);
  }
}

/** A name that could not stand in a Host is none: then it is the address. */
function nameOf({ hostname, address }: Server): string {
  if (NAME.test(hostname)) return hostname;
  return address.includes(':') ? `[${address}]` : address;
}

const CR = 13;
const LF = 10;
const COLON = 58;

/** Where the Host line of a head lies; -1 in `start` without one. */
const found = { start: -1, end: -1 };

/** Looks for the first Host line of the head `b[start..bodyAt)`. */
function findHost(b: Uint8Array, start: number, bodyAt: number): void {
  found.start = -1;
  let line = endOfLine(b, start, bodyAt);
  while (line < bodyAt && b[line] !== CR) {
    const end = endOfLine(b, line, bodyAt);
    if (isHost(b, line)) {
      found.start = line;
      found.end = end;
      return;
    }
    line = end;
  }
}

const isHost = (b: Uint8Array, at: number): boolean =>
  (b[at]! | 32) === 104 &&
  (b[at + 1]! | 32) === 111 &&
  (b[at + 2]! | 32) === 115 &&
  (b[at + 3]! | 32) === 116 &&
  b[at + 4] === COLON;

function endOfLine(b: Uint8Array, start: number, end: number): number {
  const at = b.indexOf(LF, start);
  return at < 0 || at >= end ? end : at + 1;
}

/** The Host line of a head, a copy; null without one. */
export function hostLineOf(b: Uint8Array, start: number, bodyAt: number): Uint8Array | null {
  findHost(b, start, bodyAt);
  return found.start < 0 ? null : new Uint8Array(b.subarray(found.start, found.end));
}

/**
 * Puts `line` in place of the Host line of the head `b[start..bodyAt)`: what is in front of it slides, the rest stays.
 * @returns where the head starts now. There must be room for `line` in front of `start`.
 */
export function replaceHost(b: Uint8Array, start: number, bodyAt: number, line: Uint8Array): number {
  findHost(b, start, bodyAt);
  if (found.start < 0) return start;
  const from = start + (found.end - found.start) - line.length;
  b.copyWithin(from, start, found.start);
  b.set(line, found.end - line.length);
  return from;
}
