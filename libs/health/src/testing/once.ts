import type { Transport } from '@spillway/proxy';
import type { HealthMonitor, Pool, Certificate } from '@spillway/snapshot';
import { certificateFor, checkTls } from '../monitor-tls.js';
import { probesOver, type Probe } from '../probe.js';
import type { CheckResult } from '../result.js';
import type { Target } from '../target.js';
import { TlsContexts } from '../tls-contexts.js';
import { Wheel } from '../wheel.js';

const transportHere = async (): Promise<Transport> =>
  'Bun' in globalThis
    ? (await import('@spillway/proxy/bun')).bunTransport()
    : (await import('@spillway/proxy/node')).nodeTransport();

const transport = await transportHere();
const wheel = new Wheel(
  () => performance.now(),
  (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
);
export const contexts = new TlsContexts();
const make = probesOver({ transport, wheel, tls: contexts });

export interface OnceOptions {
  /** TLS of the pool. */
  pool?: Pool['tls'];
  certificates?: Certificate[];
  /** Default `the pool`. */
  poolName?: string;
}

/** The probe of a monitor on a server, over the transport of this runtime. */
export function probeFor(monitor: HealthMonitor, target: Target, options: OnceOptions = {}): Probe {
  const { check } = monitor;
  const own = check.type === 'http' ? check.tls : undefined;
  const tls = own === undefined ? null : checkTls(own, options.pool);
  const certificate = tls === null ? null : certificateFor(tls, options.certificates);
  return make({ monitor, target, tls, certificate, poolName: options.poolName ?? 'the pool' });
}

/** Makes one check. */
export async function checkOnce(
  monitor: HealthMonitor,
  target: Target,
  options: OnceOptions = {},
): Promise<CheckResult> {
  const probe = probeFor(monitor, target, options);
  try {
    return await new Promise((resolve) => {
      probe.start(resolve);
    });
  } finally {
    setTimeout(() => probe.abandon(), 600).unref();
  }
}
