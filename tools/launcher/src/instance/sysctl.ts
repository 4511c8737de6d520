import { readFileSync, writeFileSync } from 'node:fs';

const migrate = { name: 'net.ipv4.tcp_migrate_req', file: '/proc/sys/net/ipv4/tcp_migrate_req' };

/**
 * Connections that wait in the queue of a closing listener move to the other SEs of a VIP only where
 * `net.ipv4.tcp_migrate_req` is 1. With leave (`--tune`) it is set; else nothing is changed.
 *
 * @returns what the user should know and type, if anything
 */
export function handOverSysctl(tune: boolean): string | undefined {
  try {
    if (readFileSync(migrate.file, 'utf8').trim() !== '0') return undefined;
    if (tune) {
      writeFileSync(migrate.file, '1');
      return undefined;
    }
  } catch (error) {
    return `${migrate.name} could not be ${tune ? 'set' : 'read'} (${String(error)})`;
  }
  return `connections can be lost when an SE leaves a VIP, until you type: sudo sysctl -w ${migrate.name}=1`;
}
