import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';

/** Serves `/metrics` for Prometheus, nothing else. */
export class MetricsServer {
  readonly #server: http.Server;

  constructor(text: () => string) {
    this.#server = http.createServer((request, response) => {
      const found =
        request.url?.split('?')[0] === '/metrics' && (request.method === 'GET' || request.method === 'HEAD');
      response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(found && request.method === 'GET' ? text() : '');
    });
  }

  /** @returns the address to ask */
  async listen(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const at = (this.#server.address() as AddressInfo).port;
    return `http://${isIPv6(host) ? `[${host}]` : host}:${at}/metrics`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
