import type { ClientConnection } from './core/connection.js';
import type { Layer } from './core/layers.js';
import type { PlacementRuntime } from './core/placement.js';
import { HttpClient } from './http1/client.js';
import { Http2Client } from './http2/client.js';
import { PrefacePeek } from './http2/peek.js';
import { ProxyProtocolLayer } from './proxy-protocol/layer.js';
import { SipClient } from './sip/client.js';
import { TcpClient } from './tcp/client.js';
import { ServerNameLayer } from './tcp/server-name.js';
import { targetFor, type Target } from './tcp/target.js';
import { TlsAccept } from './tls/accept.js';
import type { Socket } from './transport/seam.js';

const http1: Layer = (context, socket, placement, service, before) =>
  new HttpClient(context, socket, placement, service, before);

const http2: Layer = (context, socket, placement, service, before) =>
  new Http2Client(context, socket, placement, service, before);

/** Where a connection of L4 goes. */
function targetOf(
  socket: Socket,
  { service: { config } }: PlacementRuntime,
  before: ClientConnection | null,
): Target {
  const named = before instanceof ServerNameLayer ? before.serverName : before?.tlsForNext()?.serverName;
  const { remoteAddress: address } = before?.endsForNext() ?? socket;
  return targetFor(config, { protocol: 'tcp', address, port: socket.localPort, serverName: named ?? '' });
}

const tcp: Layer = (context, socket, placement, service, before) => {
  const target = targetOf(socket, placement, before);
  const { sip } = placement.service.config.spec;
  if (sip === undefined || target.pool?.hash?.key !== 'call_id')
    return new TcpClient(target, context, socket, placement, service, before).begin();
  const now = (): Target => targetOf(socket, placement, before);
  return new SipClient(now, sip, context, socket, placement, service, before).begin();
};

/**
 * Takes each connection as the kind of application that its virtual service is at that moment: with TLS as ALPN has
 * it, in clear HTTP/2 where the service allows it and the client begins with its preface.
 */
export const application: Layer = (context, socket, placement, service, before) => {
  const { config } = placement.service;
  if (config.spec.application.type !== 'http') {
    const inClear = (before?.tlsForNext() ?? null) === null;
    return config.l4?.byServerName === true && inClear
      ? new ServerNameLayer(tcp, context, socket, placement, service, before)
      : tcp(context, socket, placement, service, before);
  }
  const tls = before?.tlsForNext() ?? null;
  if (tls !== null && tls.protocol === 'h2') return http2(context, socket, placement, service, before);
  if (tls === null && service.enable_http2 === true)
    return new PrefacePeek(http1, http2, context, socket, placement, service, before);
  return http1(context, socket, placement, service, before);
};

/** What a connection meets once it is known where it comes from. */
const behindProxy: Layer = (context, socket, placement, service, before) =>
  service.enable_ssl === true
    ? new TlsAccept(context, socket, placement, service, before).begin(application)
    : application(context, socket, placement, service, before);

/** What a new connection meets first; see core/layers.ts. */
export const firstLayer: Layer = (context, socket, placement, service, before) => {
  const { proxied } = placement.service.config;
  return proxied !== null && proxied(socket.remoteAddress)
    ? new ProxyProtocolLayer(behindProxy, context, socket, placement, service, before)
    : behindProxy(context, socket, placement, service, before);
};
