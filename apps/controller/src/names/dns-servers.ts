import { isIP } from 'node:net';

/**
 * Who is asked for names: those of the environment, else those of the system's settings, else (none) those of the host.
 * A server that is a name itself cannot be asked, and is left out.
 */
export function dnsServersOf(
  environment: readonly string[],
  system: Readonly<Record<string, unknown>> | undefined,
): readonly string[] {
  if (environment.length > 0) return environment;
  const dns = system?.['dns_configuration'] as { server_list?: { addr: string }[] } | undefined;
  return (dns?.server_list ?? []).flatMap(({ addr }) => (isIP(addr) === 0 ? [] : [addr]));
}
