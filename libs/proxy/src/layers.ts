import type { Layer } from './core/layers.js';
import { HttpClient } from './http1/client.js';
import { TcpClient } from './tcp/client.js';

/** Takes each connection as the kind of application that its virtual service is at that moment. */
export const application: Layer = (context, socket, placement, service, before) =>
  placement.service.config.spec.application.type === 'http'
    ? new HttpClient(context, socket, placement, service, before)
    : new TcpClient(context, socket, placement, service, before).begin();

/** What a new connection meets first; see core/layers.ts. */
export const firstLayer: Layer = application;
