import { describe, expect, it } from '@jest/globals';
import { applyDefaults, checkRules, parseObject } from '@spillway/model';
import { SeedService } from './seed.service.js';
import { ObjectCache } from '../store/index.js';
import { startApiInstance } from '../testing/api-instance.js';
import { materialise, systemObjects } from './system-objects.js';

const NAMES: Readonly<Record<string, string>> = {
  tenant: 'admin',
  cloud: 'Default-Cloud',
  vrfcontext: 'global management',
  serviceenginegroup: 'Default-Group',
  role: 'System-Admin Tenant-Admin',
  user: 'admin',
  applicationprofile:
    'System-HTTP System-Secure-HTTP System-L4-Application System-SSL-Application System-DNS System-Syslog',
  networkprofile:
    'System-TCP-Proxy System-TCP-Fast-Path System-UDP-Fast-Path System-UDP-Per-Pkt System-UDP-No-SNAT System-SCTP-Proxy',
  healthmonitor:
    'System-HTTP System-HTTPS System-Ping System-TCP System-UDP System-DNS System-SCTP System-Xternal-Perl System-Xternal-Shell System-Xternal-Python',
  applicationpersistenceprofile:
    'System-Persistence-Client-IP System-Persistence-Http-Cookie System-Persistence-TLS System-Persistence-App-Cookie System-Persistence-Custom-Http-Header',
  analyticsprofile: 'System-Analytics-Profile',
  sslprofile: 'System-Standard System-Standard-PFS System-Standard-Portal',
  stringgroup: 'System-Compressible-Content-Types System-Cacheable-Resource-Types System-Devices-Mobile',
  alertconfig: 'System-VS-Alert System-SE-Alert System-SSL-Alert System-CC-Alert System-Controller-Alert',
  actiongroupconfig: 'System-Alert-Level-High System-Alert-Level-Medium System-Alert-Level-Low',
};

const seeds = systemObjects('none');

describe('the system objects', () => {
  it('are those that clients look up by name', () => {
    for (const [kind, names] of Object.entries(NAMES))
      expect(seeds.filter((s) => s.kind === kind).map((s) => s.name)).toEqual(
        expect.arrayContaining(names.split(' ')),
      );
  });

  it.each(seeds.map((seed) => [`${seed.kind} ${seed.name}`, seed] as const))(
    '%s is valid',
    (_title, seed) => {
      const { spec } = materialise(seed, seeds);
      const parsed = parseObject(seed.kind, spec, { keepReadOnly: true });
      expect([parsed.errors, parsed.unknown]).toEqual([[], []]);
      expect(checkRules(seed.kind, applyDefaults(seed.kind, parsed.value as never) as never)).toEqual([]);
    },
  );

  it('have the same uuid in every cluster, and no two the same', () => {
    const uuids = seeds.map((seed) => materialise(seed, seeds).uuid);
    expect(new Set(uuids).size).toBe(uuids.length);
    expect(uuids).toEqual(seeds.map((seed) => materialise(seed, seeds).uuid));
    for (const uuid of uuids)
      expect(uuid).toMatch(
        /^(admin|user-1|[a-z]+-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})$/,
      );
  });

  it('are made once; what their owner changed stays, and what is missing comes back', async () => {
    const instance = await startApiInstance();
    try {
      const api = await instance.admin();
      const monitor = await api.find('healthmonitor', 'System-TCP');
      await api.patch(`/api/healthmonitor/${monitor.uuid}`, { replace: { send_interval: 33 } });
      const again = await instance.restart();
      const cache = again.running.app.get(ObjectCache);
      const { generation } = cache;
      await again.running.app.get(SeedService).seed();
      expect(cache.generation).toBe(generation);
      expect(cache.get(monitor.uuid)?.spec['send_interval']).toBe(33);
    } finally {
      await instance.close();
    }
  }, 60_000);
});
