import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { MAX_HEAD_BYTES } from './https-server.js';

export interface ReadHead {
  /** With its spaces escaped. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const REQUEST_LINE = /^GET (?<target>\/[\x20-\x7e]* [\x20-\x7e]*?) HTTP\/1\.[01]$/;
const HEADER = /^(?<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(?<value>[\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const MAX_HEADERS = 100;
/** A request with a body, or that wants another protocol, is not one that is read here. */
const REFUSED = new Set(['transfer-encoding', 'upgrade', 'expect', 'trailer', 'te']);

/**
 * Reads a GET whose target has unescaped spaces, as a client of the published API sends it for names with spaces. The
 * whole head must be there and nothing after it; everything else about it is as strict as Node's own parser.
 */
export function readUnescaped(packet: Buffer): ReadHead | undefined {
  if (packet.length > MAX_HEAD_BYTES) return undefined;
  const text = packet.toString('latin1');
  if (!text.endsWith('\r\n\r\n') || text.indexOf('\r\n\r\n') !== text.length - 4) return undefined;
  const [first = '', ...lines] = text.slice(0, -4).split('\r\n');
  const target = REQUEST_LINE.exec(first)?.groups?.['target'];
  if (target === undefined || lines.length > MAX_HEADERS) return undefined;
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const header = HEADER.exec(line)?.groups;
    const name = header?.['name']?.toLowerCase();
    const value = header?.['value'];
    if (name === undefined || value === undefined || REFUSED.has(name)) return undefined;
    if (name === 'content-length' && value !== '0') return undefined;
    if (name === 'host' && 'host' in headers) return undefined;
    headers[name] = name in headers ? `${headers[name]}${name === 'cookie' ? '; ' : ', '}${value}` : value;
  }
  if (!('host' in headers)) return undefined;
  return { url: target.replaceAll(' ', '%20'), headers };
}

/** Answers what Node's parser refuses: see {@link answer}. */
export function brokenRequestHandler(fastify: () => FastifyInstance | undefined) {
  return (error: Error, socket: Socket): void => {
    const cause = error as NodeJS.ErrnoException & { rawPacket?: Buffer };
    if (cause.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else void answerOrDrop(fastify(), cause.rawPacket, socket);
  };
}

async function answerOrDrop(
  fastify: FastifyInstance | undefined,
  packet: Buffer | undefined,
  socket: Socket,
): Promise<void> {
  try {
    await answer(fastify, packet, socket);
  } catch {
    socket.destroy();
  }
}

/** A GET with spaces in its target goes through the same routes, everything else gets a 400; then the connection ends. */
async function answer(
  fastify: FastifyInstance | undefined,
  packet: Buffer | undefined,
  socket: Socket,
): Promise<void> {
  const head = packet ? readUnescaped(packet) : undefined;
  if (!head || !fastify) {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const reply = await fastify.inject({
    method: 'GET',
    url: head.url,
    headers: head.headers,
    ...(socket.remoteAddress === undefined ? {} : { remoteAddress: socket.remoteAddress }),
  });
  const lines = Object.entries(reply.headers).flatMap(([name, value]) =>
    /^(connection|keep-alive|transfer-encoding|content-length)$/i.test(name)
      ? []
      : (Array.isArray(value) ? value : [value]).map((v) => `${name}: ${v}`),
  );
  socket.end(
    Buffer.concat([
      Buffer.from(
        [
          `HTTP/1.1 ${reply.statusCode} ${reply.statusMessage}`,
          ...lines,
          `content-length: ${reply.rawPayload.length}`,
          'connection: close',
          '\r\n',
        ].join('\r\n'),
        'latin1',
      ),
      reply.rawPayload,
    ]),
  );
}
