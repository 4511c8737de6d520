import { peer, type Peer, RequestView, ResponseView } from '@spillway/policy';
import type { ClientConnection } from '../../core/connection.js';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';

const HTTP2 = 3;
/** Of HTTP/1.0; HTTP/1.1 is the next. */
const HTTP1 = 1;

const requestView = new RequestView();
const responseView = new ResponseView();

/** The address of the client last seen: requests of one connection come in a row. */
let lastPeer: Peer = peer('');

function peerOf(address: string): Peer {
  if (lastPeer.address !== address) lastPeer = peer(address);
  return lastPeer;
}

const sources = new WeakMap<ClientConnection, Peer>();

/** Who made the connection; found out once for each. */
function sourceOf(connection: ClientConnection): Peer {
  const known = sources.get(connection);
  if (known !== undefined) return known;
  const found = peer(connection.ends.remoteAddress);
  sources.set(connection, found);
  return found;
}

/** The request as rules read it; valid as long as the message is. */
export function viewRequest(x: Exchange, message: Message): RequestView {
  const { b, head } = message;
  const view = requestView;
  view.b = b;
  view.fields = head.fields;
  view.fieldCount = head.count;
  view.methodStart = head.start;
  view.methodEnd = head.methodEnd;
  view.pathStart = message.pathStart;
  view.targetEnd = head.targetEnd;
  view.hostField = head.hostField;
  view.version = x.multiplexed ? HTTP2 : HTTP1 + head.minor;
  view.secure = x.connection.tls !== null;
  view.port = x.connection.ends.localPort;
  view.source = sourceOf(x.connection);
  view.client = x.clientAddress === null ? view.source : peerOf(x.clientAddress);
  view.begin();
  return view;
}

export function viewResponse(message: Message): ResponseView {
  const { b, head } = message;
  responseView.b = b;
  responseView.fields = head.fields;
  responseView.fieldCount = head.count;
  responseView.status = head.status;
  return responseView;
}
