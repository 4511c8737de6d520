import { dlopen, read, type Pointer } from 'bun:ffi';
import { socketAddress } from './socket-address.js';
import type { Transferred } from './seam.js';

/** What Bun has no call for, by the descriptor of a socket. What the kernel refuses is left as it was. */
export interface Libc {
  /** Milliseconds of the machine's monotonic clock; undefined when it cannot be read. */
  now(): number | undefined;
  /** Smoothed round-trip time of a connection, in microseconds; -1 when it is not known. */
  roundTrip(fd: number): number;
  /** The peer's address if it is an IPv4 one; empty else. Costs half of what Bun's own getter does. */
  ipv4Peer(fd: number): string;
  /** Bytes that a connection has carried; null when the kernel does not tell. */
  transferred(fd: number): Transferred | null;
  /** What the system says to a connection that Bun calls refused, whatever kept it from being; empty when it waits. */
  whyNot(address: string, port: number): string;
  /** On a listener only its backlog changes. */
  backlog(fd: number, backlog: number): void;
  /** Bytes that the kernel queues for a socket; it takes at most net.core.rmem_max. */
  receiveBuffer(fd: number, bytes: number): void;
  /** Code point of what is sent; a listener's connections inherit it. */
  dscp(fd: number, dscp: number, ipv6: boolean): void;
  /** Longest segment that peers of a listener's connections are told of; 0: as the interface has it. */
  maxSegment(fd: number, bytes: number): void;
  /**
   * A datagram that somebody refused is no error of a socket for everybody: the kernel would report it by refusing the
   * next datagram, to somebody else, which then is lost.
   */
  ignoreRefusals(fd: number, ipv6: boolean): void;
}

const CLOCK_MONOTONIC = 1;
/** SOCK_STREAM, SOCK_NONBLOCK and SOCK_CLOEXEC. */
const STREAM_NOT_BLOCKING = 0x1 | 0x800 | 0x80000;
/** Of Linux, what a connection can come to at once. */
const ERRNO: Readonly<Record<number, string>> = {
  13: 'EACCES',
  22: 'EINVAL',
  23: 'ENFILE',
  24: 'EMFILE',
  99: 'EADDRNOTAVAIL',
  100: 'ENETDOWN',
  101: 'ENETUNREACH',
  105: 'ENOBUFS',
  111: 'ECONNREFUSED',
  112: 'EHOSTDOWN',
  113: 'EHOSTUNREACH',
};
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_RECVERR = 11;
const IPPROTO_TCP = 6;
const TCP_MAXSEG = 2;
const TCP_INFO = 11;
/** Words of `struct tcp_info` up to `tcpi_rtt`, which is the 17th behind eight bytes. */
const INFO_WORDS = 26;
const RTT_WORD = 17;
/** The same up to `tcpi_bytes_received`, behind `tcpi_bytes_acked` (both 64 bits). */
const COUNT_WORDS = 34;
const ACKED_WORD = 30;
const RECEIVED_WORD = 32;
const IPPROTO_IPV6 = 41;
const IPV6_RECVERR = 25;
const IPV6_TCLASS = 67;
const AF_INET = 2;
/** Of `struct sockaddr_in6`; of `sockaddr_in` the family is in the first two bytes, the address behind the port. */
const SOCKADDR_BYTES = 28;

/** Addresses come again and again, and their text is made once. */
const TEXTS = 1024;
const textKeys = new Uint32Array(TEXTS);
const texts: string[] = Array.from({ length: TEXTS }, () => '');

function ipv4Text(a: number, b: number, c: number, d: number): string {
  const key = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const slot = (Math.imul(key, 0x9e3779b1) >>> 22) & (TEXTS - 1);
  if (textKeys[slot] !== key || texts[slot] === '') {
    textKeys[slot] = key;
    texts[slot] = `${a}.${b}.${c}.${d}`;
  }
  return texts[slot]!;
}

let loaded: Libc | null | undefined;

/** Null with another C library: what it would do is left undone. */
export function libc(): Libc | null {
  if (loaded === undefined) loaded = load();
  return loaded;
}

function load(): Libc | null {
  try {
    const {
      clock_gettime,
      close,
      connect,
      __errno_location,
      getpeername,
      getsockopt,
      listen,
      setsockopt,
      socket,
    } = dlopen('libc.so.6', {
      socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
      connect: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
      close: { args: ['i32'], returns: 'i32' },
      __errno_location: { args: [], returns: 'ptr' },
      getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
      getpeername: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
      clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' },
      listen: { args: ['i32', 'i32'], returns: 'i32' },
      setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
    }).symbols;
    const info = new Uint32Array(INFO_WORDS);
    const counts = new Uint32Array(COUNT_WORDS);
    const infoLength = new Uint32Array(1);
    const value = new Int32Array(1);
    const address = new Uint8Array(SOCKADDR_BYTES);
    const addressLength = new Uint32Array(1);
    const set = (fd: number, level: number, option: number, to: number): void => {
      value[0] = to;
      setsockopt(fd, level, option, value, 4);
    };
    const time = new BigInt64Array(2);
    return {
      now: () =>
        clock_gettime(CLOCK_MONOTONIC, time) === 0
          ? Number(time[0]) * 1000 + Number(time[1]) / 1e6
          : undefined,
      roundTrip: (fd) => {
        infoLength[0] = info.byteLength;
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, infoLength) !== 0) return -1;
        const rtt = info[RTT_WORD]!;
        return rtt > 0 ? rtt : -1;
      },
      ipv4Peer(fd) {
        addressLength[0] = SOCKADDR_BYTES;
        if (getpeername(fd, address, addressLength) !== 0 || address[0] !== AF_INET || address[1] !== 0)
          return '';
        return ipv4Text(address[4]!, address[5]!, address[6]!, address[7]!);
      },
      transferred(fd) {
        infoLength[0] = counts.byteLength;
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, counts, infoLength) !== 0) return null;
        if (infoLength[0] < counts.byteLength) return null;
        const at = (word: number): number => counts[word]! + counts[word + 1]! * 2 ** 32;
        return { sent: at(ACKED_WORD), received: at(RECEIVED_WORD) };
      },
      whyNot(host, port) {
        const to = socketAddress(host, port);
        const fd = socket(to[0]!, STREAM_NOT_BLOCKING, 0);
        const failed = fd < 0 || connect(fd, to, to.length) !== 0;
        const errno = failed ? read.i32(__errno_location() as Pointer) : 0;
        if (fd >= 0) close(fd);
        return ERRNO[errno] ?? '';
      },
      backlog: (fd, backlog) => void listen(fd, backlog),
      receiveBuffer: (fd, bytes) => set(fd, SOL_SOCKET, SO_RCVBUF, bytes),
      // The two lower bits of the byte are for congestion (RFC 3168).
      dscp: (fd, dscp, ipv6) =>
        ipv6 ? set(fd, IPPROTO_IPV6, IPV6_TCLASS, dscp << 2) : set(fd, IPPROTO_IP, IP_TOS, dscp << 2),
      maxSegment: (fd, bytes) => set(fd, IPPROTO_TCP, TCP_MAXSEG, bytes),
      ignoreRefusals: (fd, ipv6) =>
        ipv6 ? set(fd, IPPROTO_IPV6, IPV6_RECVERR, 0) : set(fd, IPPROTO_IP, IP_RECVERR, 0),
    };
  } catch {
    return null;
  }
}
