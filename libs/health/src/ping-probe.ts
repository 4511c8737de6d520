import { isArpUnresolved } from './arp.js';
import { runChild } from './child.js';
import type { CheckResult } from './result.js';
import type { Target } from './target.js';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** One ICMP echo, by the system's `ping`, which has the right to raw sockets that an SE need not have. */
export async function pingProbe(target: Target, timeout: number): Promise<CheckResult> {
  const seconds = Math.max(1, Math.ceil(timeout / 1000));
  const args = ['-n', '-c', '1', '-W', String(seconds), target.address];
  const { code, output, timedOut, error } = await runChild('ping', args, { timeout, env: { PATH } });
  if (error !== undefined)
    return {
      ok: false,
      code: 'INCONCLUSIVE',
      text: `ping cannot be run (${error.message}); install iputils-ping on the host of the service engine`,
    };
  if (code === 0) return { ok: true };
  if (code === 2)
    return { ok: false, code: 'INCONCLUSIVE', text: 'ping may not open its socket on this host' };
  if (isArpUnresolved(target.address))
    return { ok: false, code: 'ARP_UNRESOLVED', text: `nobody answers for ${target.address} on the link` };
  if (/unreachable/i.test(output) && !timedOut)
    return { ok: false, code: 'SERVER_UNREACHABLE', text: 'a router says that the server is unreachable' };
  return { ok: false, code: 'NO_RESPONSE', text: `no echo within ${timeout} ms` };
}
