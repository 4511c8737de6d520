import { randomBytes } from 'node:crypto';
import type { Check, HealthMonitor } from '@spillway/snapshot';
import { datagramProbe } from './datagram-probe.js';
import { plainDialogue } from './dialogue.js';
import { dnsDialogue } from './dns-check.js';
import { externalProbe } from './external-probe.js';
import { httpDialogue } from './http-check.js';
import { pingProbe } from './ping-probe.js';
import { failureOf, type CheckResult } from './result.js';
import { sipDialogue } from './sip-check.js';
import { streamProbe } from './stream-probe.js';
import type { Target } from './target.js';

/** One check of one server; resolves with its result and never rejects. */
export type Probe = (monitor: HealthMonitor, target: Target) => Promise<CheckResult>;

type Type = HealthMonitor['check']['type'];
type Run<T extends Type> = (check: Check<T>, target: Target, monitor: HealthMonitor) => Promise<CheckResult>;

const RUN: { readonly [T in Type]: Run<T> } = {
  http: (check, target, { receive_timeout: timeout }) =>
    streamProbe(httpDialogue(check, target), target, {
      timeout,
      ...(check.tls && { tls: { serverName: check.tls.server_name ?? target.hostname } }),
    }),
  tcp: (check, target, { receive_timeout: timeout }) =>
    streamProbe(plainDialogue(check), target, { timeout, halfOpen: check.half_open }),
  udp: (check, target, { receive_timeout: timeout }) =>
    datagramProbe(plainDialogue(check), target, { timeout, silenceIsGood: !check.expect }),
  dns: (check, target, { receive_timeout: timeout }) => {
    const id = randomBytes(2).readUInt16BE();
    return datagramProbe(dnsDialogue(check, id), target, { timeout, silenceIsGood: false });
  },
  sip: (check, target, { receive_timeout: timeout }) => {
    const dialogue = sipDialogue(check, target, randomBytes(8).toString('hex'));
    return check.transport === 'tcp'
      ? streamProbe(dialogue, target, { timeout })
      : datagramProbe(dialogue, target, { timeout, silenceIsGood: false });
  },
  ping: (_check, target, { receive_timeout: timeout }) => pingProbe(target, timeout),
  external: (check, target, monitor) => externalProbe(monitor, check, target),
};

/** Checks a server as its monitor says, over real sockets. */
export const probe: Probe = async (monitor, target) => {
  const { check } = monitor;
  const run = RUN[check.type] as Run<Type>;
  try {
    return await run(check, target, monitor);
  } catch (error) {
    return { ok: false, ...failureOf(error) }; // this host lacks what the check needs
  }
};
