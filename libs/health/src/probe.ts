import net from 'node:net';
import type { HealthMonitor } from '@spillway/snapshot';
import { httpRequest, judgeHttp } from './http-check.js';
import { failureOf, redact, type CheckResult } from './result.js';
import { judgeTcp } from './tcp-check.js';

/** Where a check goes to. */
export interface Target {
  address: string;
  port: number;
  /** For `Host`; empty: the address. */
  hostname: string;
}

/** One check of one server; resolves with its result and never rejects. */
export type Probe = (monitor: HealthMonitor, target: Target) => Promise<CheckResult>;

/** After the verdict a server may still be sending: so long it may go on, then the connection is dropped. */
const LINGER = 500;
const RECEIVED_LIMIT = 65_536;

/** `address:port`, IPv6 in brackets: the identity of a server inside its pool. */
export const hostPort = (address: string, port: number): string =>
  net.isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;

const hostHeader = (target: Target): string => {
  const host = target.hostname === '' ? target.address : target.hostname;
  const bare = net.isIPv6(host) ? `[${host}]` : host;
  return target.port === 80 ? bare : `${bare}:${target.port}`;
};

/** Checks a server over real sockets. */
export const probe: Probe = (monitor, target) => {
  const check = monitor.check;
  const request = check.type === 'http' ? httpRequest(check, hostHeader(target)) : (check.send ?? '');
  const judge = (bytes: string, ended: boolean): CheckResult | undefined =>
    check.type === 'http' ? judgeHttp(check, bytes, ended) : judgeTcp(check, bytes, ended);
  return new Promise((resolve) => {
    let connected = false;
    let received = '';
    let done = false;
    const socket = net.connect({ host: target.address, port: target.port, allowHalfOpen: false });
    const finish = (result: CheckResult): void => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      leave(socket, result, check.type === 'tcp' && check.half_open);
      resolve(
        request === '' && received === ''
          ? result
          : { ...result, exchange: { sent: redact(request), received: redact(received) } },
      );
    };
    const timer = setTimeout(() => {
      finish(
        connected
          ? { ok: false, code: 'NO_RESPONSE', text: `no answer within ${monitor.receive_timeout} ms` }
          : {
              ok: false,
              code: 'CONNECTION_TIMEOUT',
              text: `no connection within ${monitor.receive_timeout} ms`,
            },
      );
    }, monitor.receive_timeout);
    socket.once('connect', () => {
      connected = true;
      if (isSelfConnection(socket)) {
        finish({ ok: false, code: 'CONNECTION_REFUSED', text: 'nobody listens there' });
        return;
      }
      const early = check.type === 'tcp' ? judge('', false) : undefined;
      if (early !== undefined && request === '') finish(early);
      else socket.write(request, () => early !== undefined && finish(early));
    });
    socket.on('data', (chunk: Buffer) => {
      if (done) return;
      if (received.length < RECEIVED_LIMIT) received += chunk.toString('latin1');
      const result = judge(received, received.length >= RECEIVED_LIMIT);
      if (result !== undefined) finish(result);
    });
    const closed = (): void => {
      const result = connected ? judge(received, true) : undefined;
      finish(result ?? { ok: false, code: 'NO_RESPONSE', text: 'the server closed the connection' });
    };
    socket.once('end', closed);
    socket.once('error', (error) => finish({ ok: false, ...failureOf(error) }));
    socket.once('close', closed);
  });
};

/**
 * A connection to a free local port from the same port meets itself (simultaneous open): nobody listens there,
 * although it connects.
 */
const isSelfConnection = (socket: net.Socket): boolean =>
  socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;

/** Ends politely where the server answered, so that its log shows no reset; at once where it did not. */
function leave(socket: net.Socket, result: CheckResult, halfOpen: boolean): void {
  socket.on('error', () => socket.destroy());
  if (halfOpen && !socket.connecting) {
    socket.resetAndDestroy();
    return;
  }
  if (!result.ok) {
    socket.destroy();
    return;
  }
  const linger = setTimeout(() => socket.destroy(), LINGER);
  linger.unref();
  socket.once('close', () => clearTimeout(linger));
  socket.resume();
  socket.end();
}
