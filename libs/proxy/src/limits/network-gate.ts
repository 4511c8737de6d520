import { type CompiledNetworkPolicy, ConnectionView, peer } from '@spillway/policy';
import type { PlaneContext } from '../core/context.js';
import type { Ends } from '../core/connection.js';

const view = new ConnectionView();

/** Asks a network security policy whether a connection may be. */
export function mayConnect(context: PlaneContext, policy: CompiledNetworkPolicy, ends: Ends): boolean {
  view.client = peer(ends.remoteAddress);
  view.source = view.client;
  view.clientPort = ends.remotePort;
  view.port = ends.localPort;
  return policy.admit(view, context.transport.now());
}
