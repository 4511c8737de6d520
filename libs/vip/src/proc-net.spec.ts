import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalAddress, claimName, NAME_LIMIT, parseClaimName, relation, shortId } from './claim-name.js';
import {
  covers,
  isPastListeners,
  parseAbstractSockets,
  parseKernelAddress,
  parseListeners,
} from './proc-net.js';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0000 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22222 1 0000 100 0 0 10 0
`;
const ESTABLISHED =
  '   2: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000  1000        0 12346 1 0000 20 4 30 10 -1\n';

describe('the tables of the kernel', () => {
  it('name listeners with their inode', () => {
    expect(parseListeners(TABLE + ESTABLISHED)).toEqual([
      { address: '127.0.0.1', port: 8080, uid: 1000, inode: 12345 },
      { address: '0.0.0.0', port: 80, uid: 0, inode: 22222 },
    ]);
    expect(isPastListeners(TABLE)).toBe(false);
    expect(isPastListeners(TABLE + ESTABLISHED)).toBe(true);
  });

  it('hold addresses as words of the machine', () => {
    expect(parseKernelAddress('0100007F')).toBe('127.0.0.1');
    expect(parseKernelAddress('00000000000000000000000001000000')).toBe('::1');
    expect(parseKernelAddress('000077FD000000000000000010000000')).toBe('fd77::10');
  });

  it('a wildcard listener covers the addresses of its family', () => {
    expect(covers({ address: '0.0.0.0' }, '10.0.0.1')).toBe(true);
    expect(covers({ address: '::' }, 'fd77::1')).toBe(true);
    expect(covers({ address: '::' }, '10.0.0.1')).toBe(false);
    expect(covers({ address: '10.0.0.2' }, '10.0.0.1')).toBe(false);
  });

  it('name abstract sockets', () => {
    const line = '00000000e98302fc: 00000002 00000000 00010000 0001 01 26964 @spillway/lock';
    expect(parseAbstractSockets(`Num RefCount\n${line}\n0: 2 0 0 1 1 7 /run/x\n`)).toEqual([
      { name: 'spillway/lock', inode: 26964 },
    ]);
  });
});

const anyClaim = fc.record({
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  address: fc.oneof(fc.ipV4(), fc.ipV6().map(canonicalAddress)),
  ports: fc.tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 65535 })),
  cluster: fc.uuid({ version: 4 }).map((u) => shortId(`cluster-${u}`)),
  virtualService: fc.oneof(fc.uuid({ version: 4 }), fc.string({ minLength: 1, maxLength: 128 })).map(shortId),
  se: fc.uuid({ version: 4 }).map((u) => shortId(`serviceengine-${u}`)),
});
const toName = ({ ports, ...rest }: typeof anyClaim extends fc.Arbitrary<infer T> ? T : never) => ({
  ...rest,
  port: Math.min(...ports),
  portRangeEnd: Math.max(...ports),
});

describe('the name of a claim', () => {
  it('fits an abstract socket and reads back as it was', () => {
    fc.assert(
      fc.property(anyClaim.map(toName), (c) => {
        expect(claimName(c).length).toBeLessThanOrEqual(NAME_LIMIT);
        expect(parseClaimName(claimName(c))).toEqual(c);
      }),
    );
  });

  it('everything else is not a claim', () => {
    for (const name of ['spillway/lock', 'spillway/', '/tmp/.X11-unix/X0', 'spillway/1.2.3.4:x/a/b/c'])
      expect(parseClaimName(name)).toBeUndefined();
  });

  it('is shared inside a virtual service, and a conflict elsewhere', () => {
    const a = {
      protocol: 'tcp' as const,
      address: '10.0.0.1',
      port: 80,
      portRangeEnd: 89,
      cluster: 'c',
      virtualService: 'v',
      se: '1',
    };
    expect(relation(a, { ...a, protocol: 'udp', virtualService: 'w' })).toBe('apart');
    expect(relation(a, { ...a, se: '2' })).toBe('shared');
    expect(relation(a, a)).toBe('same');
    expect(relation(a, { ...a, port: 85, portRangeEnd: 85, virtualService: 'w' })).toBe('conflict');
    expect(relation(a, { ...a, cluster: 'd' })).toBe('conflict');
    expect(relation(a, { ...a, cluster: 'd', port: 90, portRangeEnd: 90 })).toBe('apart');
    expect(relation(a, { ...a, cluster: 'd', address: '10.0.0.2' })).toBe('apart');
  });
});
