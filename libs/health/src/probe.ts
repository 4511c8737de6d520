import type { Transport } from '@spillway/proxy';
import type { Certificate, Check, ClientTls, HealthMonitor } from '@spillway/snapshot';
import { plainDialogue } from './dialogue.js';
import { datagramProbe } from './datagram-probe.js';
import { dnsDialogue } from './dns-check.js';
import { externalProbe } from './external-probe.js';
import { httpDialogue, namedHost } from './http-check.js';
import { pingProbe } from './ping-probe.js';
import { failureOf, type CheckResult } from './result.js';
import { sipDialogue } from './sip-check.js';
import { StreamProbe } from './stream-probe.js';
import type { Target } from './target.js';
import type { TlsContexts } from './tls-contexts.js';
import type { Wheel } from './wheel.js';

/** One check of one server that is made again and again, one at a time. */
export interface Probe {
  /** Makes the check. `done` is called once, later, unless it is abandoned before. */
  start(done: (result: CheckResult) => void): void;
  /** Gives up what is under way; for good. */
  abandon(): void;
}

/** What a check needs to know; `tls` is what applies to it, the pool's part included. */
export interface ProbeSpec {
  readonly monitor: HealthMonitor;
  readonly target: Target;
  readonly tls: ClientTls | null;
  /** What `tls.certificate_uuid` names. */
  readonly certificate: Certificate | null;
  /** Name of the pool that asks, or of one of them. */
  readonly poolName: string;
}

/** By what means checks are made. */
export interface ProbeMeans {
  readonly transport: Transport;
  readonly wheel: Wheel;
  readonly tls: TlsContexts;
}

type Type = HealthMonitor['check']['type'];
type Make<T extends Type> = (check: Check<T>, spec: ProbeSpec, means: ProbeMeans) => Probe;

const MAKE: { readonly [T in Type]: Make<T> } = {
  http: (check, { target, monitor, tls, certificate }, means) => {
    const lease = tls === null ? null : means.tls.take(tls, certificate);
    const name = lease?.context.nameFor(target.hostname || namedHost(check)) ?? '';
    return new StreamProbe(means, target, {
      timeout: monitor.receive_timeout,
      dialogue: keep(httpDialogue(check, target)),
      tls: lease === null ? null : { lease, name },
    });
  },
  tcp: (check, { target, monitor }, means) =>
    new StreamProbe(means, target, {
      timeout: monitor.receive_timeout,
      dialogue: keep(plainDialogue(check)),
      halfOpen: check.half_open,
    }),
  udp: (check, { target, monitor }) =>
    single(() =>
      datagramProbe(plainDialogue(check), target, {
        timeout: monitor.receive_timeout,
        silenceIsGood: !check.expect,
      }),
    ),
  dns: (check, { target, monitor }) =>
    single(() =>
      datagramProbe(dnsDialogue(check, Math.floor(Math.random() * 65_536)), target, {
        timeout: monitor.receive_timeout,
        silenceIsGood: false,
      }),
    ),
  sip: (check, { target, monitor: { receive_timeout: timeout } }, means) => {
    const dialogue = () => sipDialogue(check, target, randomId());
    return check.transport === 'tcp'
      ? new StreamProbe(means, target, { timeout, dialogue })
      : single(() => datagramProbe(dialogue(), target, { timeout, silenceIsGood: false }));
  },
  ping: (_check, { target, monitor }) => single(() => pingProbe(target, monitor.receive_timeout)),
  external: (check, spec) => single(() => externalProbe(check, spec)),
};

/** Makes checks of the kinds that monitors ask for, over real sockets. */
export type MakeProbe = (spec: ProbeSpec) => Probe;

export const probesOver =
  (means: ProbeMeans): MakeProbe =>
  (spec) => {
    const { check } = spec.monitor;
    try {
      return (MAKE[check.type] as Make<Type>)(check, spec, means);
    } catch (error) {
      // This host lacks what the check needs.
      return single(() => Promise.resolve({ ok: false, ...failureOf(error) }));
    }
  };

const keep =
  <T>(value: T) =>
  (): T =>
    value;

const randomId = (): string =>
  Array.from({ length: 2 }, () => Math.floor(Math.random() * 2 ** 32).toString(16)).join('');

/** A check whose every run stands for itself. */
function single(run: () => Promise<CheckResult>): Probe {
  let generation = 0;
  return {
    start(done) {
      const mine = ++generation;
      const tell = (result: CheckResult): void => {
        if (mine === generation) done(result);
      };
      run().then(tell, (error: unknown) => tell({ ok: false, ...failureOf(error) }));
    },
    abandon() {
      generation++;
    },
  };
}
