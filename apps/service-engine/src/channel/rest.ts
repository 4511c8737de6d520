import https from 'node:https';
import tls, { type PeerCertificate } from 'node:tls';

/** The controller refused, or could not be asked. */
export class RestError extends Error {
  constructor(
    message: string,
    /** Status of the answer; 0 when there was none. */
    readonly status: number,
  ) {
    super(message);
    this.name = 'RestError';
  }
}

const TIMEOUT = 5_000;
const REPLY_LIMIT = 1_048_576;

/** An HTTPS POST of JSON that trusts one CA only. `@throws {RestError}` */
export function post(base: string, path: string, body: unknown, caPem: string): Promise<unknown> {
  const url = new URL(path, base);
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const request = https.request(
      url,
      {
        method: 'POST',
        ca: caPem,
        agent: false,
        timeout: TIMEOUT,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        let reply = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          reply += chunk;
          if (reply.length > REPLY_LIMIT) request.destroy(new Error('the answer is too long'));
        });
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(parse(reply));
          else
            reject(new RestError(`${url.origin}${path} answered ${status}: ${reply.slice(0, 300)}`, status));
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
    request.on('error', (error) => reject(new RestError(`${url.origin}${path}: ${error.message}`, 0)));
    request.end(text);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The CA certificate with the given SHA-256 from the chain that a server shows. Nothing is sent to the server: whom
 * to trust is decided by the hash alone.
 *
 * @throws {RestError} when the chain does not hold it
 */
export function fetchPinnedCa(base: string, sha256: string): Promise<string> {
  const url = new URL(base);
  const wanted = sha256.toLowerCase();
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 443),
      // The chain is judged by the pin below; nothing is sent before.
      rejectUnauthorized: false,
      timeout: TIMEOUT,
    });
    const fail = (text: string): void => {
      socket.destroy();
      reject(new RestError(`${url.origin}: ${text}`, 0));
    };
    socket.once('timeout', () => fail(`no answer within ${TIMEOUT / 1000} s`));
    socket.once('error', (error) => fail(error.message));
    socket.once('secureConnect', () => {
      const found = chainOf(socket.getPeerCertificate(true)).find((c) => fingerprint(c) === wanted);
      if (found === undefined) {
        fail(
          'the chain of the server does not end in the CA that the enrolment token pins: wrong controller, or an old token',
        );
        return;
      }
      socket.destroy();
      resolve(toPem(found.raw));
    });
  });
}

const fingerprint = (c: { fingerprint256: string }): string =>
  c.fingerprint256.replaceAll(':', '').toLowerCase();

function chainOf(leaf: PeerCertificate & { issuerCertificate?: PeerCertificate }): PeerCertificate[] {
  const chain: PeerCertificate[] = [];
  let at: (PeerCertificate & { issuerCertificate?: PeerCertificate }) | undefined = leaf;
  while (at?.raw !== undefined && !chain.some((c) => c.fingerprint256 === at?.fingerprint256)) {
    chain.push(at);
    at = at.issuerCertificate;
  }
  return chain;
}

const toPem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`;
