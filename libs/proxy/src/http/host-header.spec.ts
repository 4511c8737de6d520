import { describe, expect, it } from '@jest/globals';
import type { Pool } from '@spillway/snapshot';
import fc from 'fast-check';
import { latin1 } from '../bytes.js';
import { failuresOf, RUNTIMES } from '../suite/runtimes.js';
import { hostLineOf, HostNames, replaceHost } from './host-header.js';

const text = (b: Uint8Array | null): string | null => (b === null ? null : Buffer.from(b).toString('latin1'));

const names = (pool: Partial<Pool>): HostNames | null =>
  HostNames.of({
    servers: [
      { address: '10.0.0.1', port: 8080, hostname: 'one.example', state: 'enabled', ratio: 1 },
      { address: 'fd00::1', port: 80, hostname: 'fd00::1', state: 'enabled', ratio: 1 },
      { address: '10.0.0.3', port: 0, hostname: 'a b', state: 'enabled', ratio: 1 },
    ],
    ...pool,
  } as Pool);

describe('what servers are told as Host', () => {
  it('is nothing in pools that leave it alone', () => {
    expect(names({})).toBeNull();
    expect(names({ host_header: { to: 'as_is', append_port: 'always' } })).toBeNull();
  });

  it.each([
    ['non_default', ['one.example:8080', '[fd00::1]', '10.0.0.3:99', '10.0.0.3']],
    ['never', ['one.example', '[fd00::1]', '10.0.0.3', '10.0.0.3']],
    ['always', ['one.example:8080', '[fd00::1]:80', '10.0.0.3:99', '10.0.0.3:443']],
  ] as const)('is the name with the port as append_port says: %s', (append_port, expected) => {
    const of = names({ host_header: { to: 'server_name', append_port } });
    const lines = [of?.lineFor(0, 8080), of?.lineFor(1, 80), of?.lineFor(2, 99), of?.lineFor(2, 443)];
    expect(lines.map((l) => text(l ?? null))).toEqual(expected.map((host) => `Host: ${host}\r\n`));
  });

  it('is the name of TLS, where the pool has one', () => {
    const tls = { server_name: 'sni.example' } as Pool['tls'];
    const host_header = { to: 'sni', append_port: 'never' } as const;
    expect(text(names({ host_header, tls })?.lineFor(0, 8080) ?? null)).toBe('Host: sni.example\r\n');
    expect(names({ host_header })).toBeNull();
  });
});

describe('replaceHost', () => {
  const field = fc.stringMatching(/^[A-Za-z-]{1,12}: [ -~]{0,30}$/).filter((l) => !/^host:/i.test(l));
  const lines = fc.array(field, { maxLength: 6 });

  it('changes the Host line and nothing else', () => {
    fc.assert(
      fc.property(
        lines,
        lines,
        fc.stringMatching(/^[a-z.]{1,60}$/),
        fc.stringMatching(/^[a-z.]{1,60}$/),
        (a, b, old, name) => {
          const head = (host: string): string =>
            ['GET / HTTP/1.1', ...a, `hoST: ${host}`, ...b, '', ''].join('\r\n');
          const room = 300;
          const bytes = Buffer.concat([Buffer.alloc(room), latin1(`${head(old)}body`)]);
          const bodyAt = bytes.length - 4;
          const line = hostLineOf(bytes, room, bodyAt);
          expect(text(line)).toBe(`hoST: ${old}\r\n`);
          const start = replaceHost(bytes, room, bodyAt, latin1(`hoST: ${name}\r\n`));
          expect(text(bytes.subarray(start))).toBe(`${head(name)}body`);
          const back = replaceHost(bytes, start, bodyAt, line!);
          expect(text(bytes.subarray(back))).toBe(`${head(old)}body`);
        },
      ),
    );
  });
});

describe('the Host of servers over real sockets', () => {
  it.each(RUNTIMES)(
    'on %s',
    async (runtime) => {
      expect(await failuresOf(runtime, new URL('./host-header.program.js', import.meta.url))).toEqual([]);
    },
    60_000,
  );
});
