import type { Replica } from './replica.js';

/** Uuids of what the placement specs work with. */
export interface TestWorld {
  readonly cloud: string;
  readonly group: string;
  readonly vs: string;
  readonly ses: readonly string[];
}

/** A cloud, a group, one virtual service with a VIP, and SEs that are not connected yet. */
export async function makeWorld(
  { store }: Replica,
  options: {
    ses?: number;
    group?: Record<string, unknown>;
    vs?: Record<string, unknown>;
    connector?: string;
  } = {},
): Promise<TestWorld> {
  return store.transaction(async (tx) => {
    const cloud = await tx.create('cloud', {
      name: 'Default-Cloud',
      tenant_ref: 'admin',
      connector: options.connector ?? 'none',
    });
    await tx.create('controllerproperties', { name: 'global' });
    const group = await tx.create('serviceenginegroup', {
      name: 'Default-Group',
      tenant_ref: 'admin',
      cloud_ref: cloud.uuid,
      vs_scalein_timeout: 1,
      ...options.group,
    });
    const vsvip = await tx.create('vsvip', {
      name: 'vip',
      tenant_ref: 'admin',
      cloud_ref: cloud.uuid,
      vip: [{ vip_id: '0', enabled: true, ip_address: { addr: '127.9.9.9', type: 'V4' } }],
    });
    const application = await tx.create('applicationprofile', {
      name: 'System-HTTP',
      tenant_ref: 'admin',
      type: 'APPLICATION_PROFILE_TYPE_HTTP',
    });
    const network = await tx.create('networkprofile', {
      name: 'System-TCP-Proxy',
      tenant_ref: 'admin',
      profile: { type: 'PROTOCOL_TYPE_TCP_PROXY' },
    });
    const vs = await tx.create('virtualservice', {
      name: 'shop',
      tenant_ref: 'admin',
      cloud_ref: cloud.uuid,
      se_group_ref: group.uuid,
      vsvip_ref: vsvip.uuid,
      type: 'VS_TYPE_NORMAL',
      traffic_enabled: true,
      application_profile_ref: application.uuid,
      network_profile_ref: network.uuid,
      services: [{ port: 8080, port_range_end: 8080 }],
      enabled: true,
      ...options.vs,
    });
    const ses: string[] = [];
    for (let i = 1; i <= (options.ses ?? 0); i++) {
      const se = await tx.create('serviceengine', {
        name: `se-${i}`,
        tenant_ref: 'admin',
        cloud_ref: cloud.uuid,
        se_group_ref: group.uuid,
        enable_state: 'SE_STATE_ENABLED',
      });
      ses.push(se.uuid);
    }
    return { cloud: cloud.uuid, group: group.uuid, vs: vs.uuid, ses };
  });
}
