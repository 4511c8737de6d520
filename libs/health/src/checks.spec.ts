import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const BUN = path.resolve('node_modules/.bin/bun');
const hasPing = ['/usr/bin/ping', '/bin/ping'].some((file) => existsSync(file));
const isRoot = process.getuid?.() === 0;
/** As root the checks run in a namespace of their own, with a link on which nobody else is. */
const isolated = hasPing && isRoot;
const LINK =
  'ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add 10.9.9.1/24 dev v0 && ' +
  'ip link set v0 up && ip link set v1 up && exec "$0" "$@"';

const EXPECTED = {
  'udp answer': 'up',
  'udp wrong answer': 'PAYLOAD_CONTENT_MISMATCH',
  'udp maintenance': 'MAINTENANCE_PAYLOAD_CONTENT_MATCH',
  'udp silence, nothing expected': 'up',
  'udp silence, answer expected': 'NO_RESPONSE',
  'udp IPv6': 'up',
  'udp nobody there': 'PORT_UNREACHABLE',
  dns: 'up',
  'dns other address': 'PAYLOAD_CONTENT_MISMATCH',
  'dns refuses': 'RESPONSE_CODE_MISMATCH',
  'dns answer to another question': 'NO_RESPONSE',
  'sip over udp': 'up',
  'sip over tcp': 'up',
  'sip another answer': 'PAYLOAD_CONTENT_MISMATCH',
  https: 'up',
  'https asks for': 'shop.example shop.example:PORT',
  'https another name': 'up',
  'https other name asks for': 'other.example',
  'https at a server without TLS': 'SSL_ERROR',
  'authentication and body': 'up',
  'as sent': 'Basic dTpw 6',
  'maintenance by code': 'MAINTENANCE_RESPONSE_CODE_MATCH',
  'maintenance by text': 'MAINTENANCE_PAYLOAD_CONTENT_MATCH',
  'script that says something': 'up',
  'what it is told': '127.0.0.1:81 127.0.0.1 81 x y the monitor b none',
  'tasks that a script tells': '17 12.5 undefined undefined undefined undefined undefined',
  'script that says nothing': 'SCRIPT_ERROR',
  'script that does not end': 'SCRIPT_ERROR',
  'no script': 'SCRIPT_ERROR',
  'what it may': `${isRoot ? 'nobody' : 'me'} here the monitor`,
  ...(isolated
    ? {
        ping: 'up',
        'ping IPv6': 'up',
        'ping nobody on the link': 'ARP_UNRESOLVED',
        'connect to nobody on the link': 'ARP_UNRESOLVED',
      }
    : {}),
};

describe('every type of check, against real servers', () => {
  it.each([
    ['node', process.execPath],
    ['bun', BUN],
  ])(
    'on %s',
    (_name, runtime) => {
      const program = path.resolve('libs/health/dist/checks.program.js');
      const [command, args] = isolated
        ? ['unshare', ['-n', 'sh', '-c', LINK, runtime, program, '--ping']]
        : [runtime, [program]];
      const { stdout, stderr } = spawnSync(command, args, {
        encoding: 'utf8',
        timeout: 60_000,
        env: {
          ...process.env,
          NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
          SECRET: 'not for scripts',
        },
      });
      expect(stderr).toBe('');
      const { 'http at a server with TLS': mixed, ...found } = JSON.parse(stdout) as Record<string, string>;
      expect(found).toEqual(EXPECTED);
      expect(mixed).not.toBe('up');
    },
    90_000,
  );
});
