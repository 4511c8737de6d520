import { expect, it } from '@jest/globals';
import type { Snapshot } from '@spillway/snapshot';
import type { VipClaim, VipDistribution } from '@spillway/vip';
import type { Logger } from '../log/logger.js';
import { Claims } from './claims.js';

it('a VIP of both families is claimed with both addresses', async () => {
  const prepared: VipClaim[] = [];
  const distribution = {
    prepare: async (claims: VipClaim[]) => {
      prepared.push(...claims);
      return claims.map(() => undefined);
    },
  } as unknown as VipDistribution;
  const services = [{ port: 80, port_range_end: 80 }];
  const snapshot = {
    placements: [{ virtual_service_uuid: 'vs-1', vip_id: '0', state: 'active' }],
    virtual_services: [
      {
        uuid: 'vs-1',
        name: 'web',
        vips: [
          { vip_id: '0', address: '127.0.10.1' },
          { vip_id: '1', address: '127.0.10.2' },
          { vip_id: '0', address: 'fd00::10' },
        ],
        services,
        application: { type: 'tcp' },
      },
    ],
  } as unknown as Snapshot;
  const claims = new Claims(distribution, undefined as unknown as Logger);
  await claims.prepare(snapshot, 0);
  expect(prepared).toMatchObject([
    { vipId: '0', addresses: ['127.0.10.1', 'fd00::10'], services: [{ protocol: 'tcp', ...services[0] }] },
  ]);
});
