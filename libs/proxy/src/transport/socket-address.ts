import { isIPv6 } from 'node:net';

const AF_INET = 2;
const AF_INET6 = 10;

/** `struct sockaddr_in` or `sockaddr_in6` of Linux, on a machine that has the low byte first. */
export function socketAddress(address: string, port: number): Uint8Array {
  const six = isIPv6(address);
  const bytes = new Uint8Array(six ? 28 : 16);
  bytes[0] = six ? AF_INET6 : AF_INET;
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  if (six) ipv6Words(address).forEach((word, i) => bytes.set([word >> 8, word & 0xff], 8 + 2 * i));
  else bytes.set(address.split('.').map(Number), 4);
  return bytes;
}

const words = (part: string): number[] =>
  part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));

/** The eight words of an address; one that ends in the form of IPv4 too. */
function ipv6Words(address: string): number[] {
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((n) => n.toString(16)).join(':'),
  );
  const [before = '', after] = plain.split('::');
  const [first, last] = [words(before), words(after ?? '')];
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}
