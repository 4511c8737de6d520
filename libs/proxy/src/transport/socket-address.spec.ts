import { describe, expect, it } from '@jest/globals';
import { socketAddress } from './socket-address.js';

const hex = (address: string): string => Buffer.from(socketAddress(address, 443)).toString('hex');

describe('addresses as the system takes them', () => {
  it('of IPv4', () => {
    expect(hex('192.0.2.7')).toBe('020001bbc00002070000000000000000');
  });
  it.each([
    ['::1', '00000000000000000000000000000001'],
    ['::', '00000000000000000000000000000000'],
    ['2001:db8::1:2', '20010db8000000000000000000010002'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['::ffff:192.0.2.7', '00000000000000000000ffffc0000207'],
  ])('of IPv6: %s', (address, words) => {
    expect(hex(address)).toBe(`0a0001bb00000000${words}00000000`);
  });
});
