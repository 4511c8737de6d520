import dgram from 'node:dgram';
import net from 'node:net';
import type { Dialogue } from './dialogue.js';
import { failureOf, type CheckResult, type Failure } from './result.js';
import type { Target } from './target.js';

export interface DatagramOptions {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  /**
   * Silence is a good answer. It is taken for one after `SILENCE` milliseconds, within which a host without such a
   * service would have said so (ICMP port unreachable).
   */
  readonly silenceIsGood: boolean;
}

/** Milliseconds. */
export const SILENCE = 500;

/** Sends one datagram to a server and judges the first answer that says enough. */
export function datagramProbe(
  dialogue: Dialogue,
  target: Target,
  options: DatagramOptions,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(net.isIPv6(target.address) ? 'udp6' : 'udp4');
    let received = '';
    let done = false;
    const finish = (result: CheckResult): void => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      socket.close();
      const exchange = { sent: dialogue.request, received };
      resolve(dialogue.request === '' && received === '' ? result : { ...result, exchange });
    };
    const { timeout, silenceIsGood } = options;
    const timer = setTimeout(
      () =>
        finish(
          silenceIsGood && received === ''
            ? { ok: true }
            : (dialogue.judge(received, true) ?? {
                ok: false,
                code: 'NO_RESPONSE',
                text: `no answer within ${timeout} ms`,
              }),
        ),
      silenceIsGood ? Math.min(timeout, SILENCE) : timeout,
    );
    socket.on('error', (error) => finish(failureOfDatagram(error)));
    socket.on('message', (data) => {
      received += data.toString('latin1');
      const result = dialogue.judge(received, false);
      if (result !== undefined) finish(result);
    });
    // A connected socket hears of ICMP errors, and of nobody but this server.
    socket.connect(target.port, target.address, () => {
      if (done) return;
      socket.send(Buffer.from(dialogue.request, 'latin1'), (error) => {
        if (error !== null) finish(failureOfDatagram(error));
      });
    });
  });
}

/** A host that refuses a datagram has nobody who listens on that port (ICMP port unreachable). */
function failureOfDatagram(error: unknown): Failure {
  const failure = failureOf(error);
  return failure.code === 'CONNECTION_REFUSED'
    ? { ok: false, code: 'PORT_UNREACHABLE', text: 'the host says that nobody listens on the port' }
    : { ok: false, ...failure };
}
