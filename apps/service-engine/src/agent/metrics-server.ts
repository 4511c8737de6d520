import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';

/** Connections that are shown at most, and where nobody says. */
export const MOST_DESCRIBED = 10_000;
const DESCRIBED = 1_000;

export interface Served {
  /** The text for Prometheus. */
  metrics: () => string;
  /** What connections are doing, as a JSON value. */
  connections: (limit: number, virtualService?: string) => Promise<unknown>;
}

/** Serves `/metrics` for Prometheus and `/connections` for people, nothing else. */
export class MetricsServer {
  readonly #server: http.Server;

  constructor(private readonly served: Served) {
    this.#server = http.createServer((request, response) => void this.#answer(request, response));
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

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? '/', 'http://localhost');
    const { method } = request;
    if (url === null || (method !== 'GET' && method !== 'HEAD')) return send(response, 404, '');
    const whole = method === 'GET';
    if (url.pathname === '/metrics') return send(response, 200, whole ? this.served.metrics() : '');
    if (url.pathname !== '/connections') return send(response, 404, '');
    const limit = Number(url.searchParams.get('limit') ?? DESCRIBED);
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_DESCRIBED)
      return send(response, 400, `limit must be 1 to ${MOST_DESCRIBED}\n`);
    const found = await this.served.connections(limit, url.searchParams.get('virtual_service') ?? undefined);
    return send(response, 200, whole ? `${JSON.stringify(found)}\n` : '', 'application/json');
  }
}

function send(
  response: http.ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; version=0.0.4; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type });
  response.end(text);
}
