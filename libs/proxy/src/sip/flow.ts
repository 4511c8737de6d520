import type { SipProfile } from '@spillway/snapshot';
import { VS } from '@spillway/telemetry';
import type { ServerRuntime } from '../core/server.js';
import type { Target } from '../tcp/target.js';
import type { UdpFlow } from '../udp/flow.js';
import { Calls } from './calls.js';
import { callKey } from './key.js';
import { SipMessage } from './message.js';

/** What keeps a flow open says nothing: line ends (RFC 5626 section 3.5.1), or up to four bytes of anything. */
const MOST_KEEP_ALIVE = 4;

const read = new SipMessage();

/** The datagrams of one client to a virtual service for SIP: with a pool that goes by Call-ID each is a message. */
export class SipFlow {
  private readonly calls: Calls;

  constructor(
    private readonly flow: UdpFlow,
    sip: SipProfile,
  ) {
    this.calls = new Calls(sip.transaction_timeout, () => flow.count(VS.CALLS_EVICTED));
  }

  /** What is no message is dropped (RFC 3261 section 18.3), and what follows a message too. */
  fromClient(data: Uint8Array, start: number, end: number): void {
    const { flow } = this;
    const target = flow.target();
    if (target.pool?.hash?.key !== 'call_id') {
      flow.sendOn(data, start, end);
      return;
    }
    if (end - start <= MOST_KEEP_ALIVE) return;
    const length = read.scan(data, start, end, false);
    if (length <= 0) flow.sendTo(null, data, start, end);
    else this.route(target, callKey(data, read), data, start, start + length);
  }

  /** Calls that a server begins stay with it. */
  fromServer(server: ServerRuntime, data: Uint8Array, start: number, end: number): void {
    if (server.pool?.hash?.key !== 'call_id' || read.scan(data, start, end, false) <= 0) return;
    if (read.status >= 200) server.answeredCall(read.status, this.flow.errors);
    this.calls.set(callKey(data, read), server, this.flow.now);
  }

  /** The flow is over. */
  close(): void {
    this.calls.close();
  }

  private route(target: Target, key: number, data: Uint8Array, start: number, end: number): void {
    const { flow, calls } = this;
    const last = calls.find(key, flow.now);
    const known = last === flow.failed ? null : last;
    const server = known === null ? flow.serverFor(target, key) : flow.admitted(known) ? known : null;
    if (known === null && server !== null) calls.set(key, server, flow.now);
    flow.sendTo(server === null ? null : flow.linkTo(server), data, start, end);
  }
}
