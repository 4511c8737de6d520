import { describe, expect, test } from '@jest/globals';
import { vipIdOf } from './vip.js';

const client = (...ids: string[]) => ({
  get: async (path: string) => {
    expect(path).toBe('/api/vsvip/vsvip-1');
    return { vip: ids.map((vip_id) => ({ vip_id })) };
  },
});
const vs = { name: 'app', vsvip_ref: 'https://127.0.0.1:9443/api/vsvip/vsvip-1#app-vip' };

describe('VIP of an action', () => {
  test('is the only one, whatever its id is', async () => {
    expect(await vipIdOf(client('1'), vs)).toBe('1');
  });

  test('is asked for where there are several or none', async () => {
    await expect(vipIdOf(client('0', '1'), vs)).rejects.toThrow('app has VIPs 0, 1: say which with --vip');
    await expect(vipIdOf(client(), vs)).rejects.toThrow('app has no VIP');
    await expect(vipIdOf(client(), { name: 'app' })).rejects.toThrow('app has no VIP');
  });
});
