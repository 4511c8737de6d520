import { readFileSync, writeFileSync } from 'node:fs';

/** Something that the operator should know, with the line to type where there is one. */
export interface Advice {
  code: string;
  text: string;
  command: string;
}

const MIGRATE_REQUEST = '/proc/sys/net/ipv4/tcp_migrate_req';
const COMMAND = 'sysctl -w net.ipv4.tcp_migrate_req=1';

/**
 * What keeps this network namespace from handing over connections without loss. The sysctl is set only when that
 * was asked for.
 *
 * @param tune may set the sysctl (`SPILLWAY_TUNE=1`)
 */
export function sysctlAdvice(tune: boolean, path = MIGRATE_REQUEST): Advice[] {
  let value: string;
  try {
    value = readFileSync(path, 'utf8').trim();
  } catch {
    return [
      {
        code: 'TCP_MIGRATE_REQ',
        text: 'this kernel (before 5.14) cannot hand over queued connections: a scale-in, a migration and a lost SE may each cost some',
        command: '',
      },
    ];
  }
  if (value === '1') return [];
  if (tune)
    try {
      writeFileSync(path, '1');
      return [];
    } catch {
      // It may not: then the operator has to.
    }
  return [
    {
      code: 'TCP_MIGRATE_REQ',
      text: 'net.ipv4.tcp_migrate_req is 0: connections queued at an SE that leaves are lost',
      command: COMMAND,
    },
  ];
}
