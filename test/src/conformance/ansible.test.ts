import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, Instance, Scope, freeLoopback, testNetwork } from '@spillway/testing';
import { AnsibleModules, ansibleIsHere, type ModuleResult } from './ansible-modules.js';

/** One object as a playbook would write it, and a change of it. */
interface Task {
  kind: string;
  args: Record<string, unknown>;
  update: Record<string, unknown>;
  /** What the API says of the object after the update. */
  expected: Record<string, unknown>;
}

const VIP = freeLoopback();

/** In the order of creation; deleted in reverse. */
const TASKS: Task[] = [
  {
    kind: 'healthmonitor',
    args: {
      name: 'ansible-hm',
      type: 'HEALTH_MONITOR_HTTP',
      send_interval: 20,
      receive_timeout: 10,
      successful_checks: 2,
      failed_checks: 3,
      http_monitor: { http_request: 'HEAD / HTTP/1.0', http_response_code: ['HTTP_2XX', 'HTTP_3XX'] },
    },
    update: { receive_timeout: 9 },
    expected: { receive_timeout: 9, failed_checks: 3 },
  },
  {
    kind: 'pool',
    args: {
      name: 'ansible-pool',
      description: 'made by a playbook',
      health_monitor_refs: ['/api/healthmonitor?name=ansible-hm'],
      servers: [
        { ip: { addr: '127.0.0.1', type: 'V4' }, port: 9001 },
        { ip: { addr: '127.0.0.1', type: 'V4' }, port: 9002 },
      ],
    },
    update: { servers: [{ ip: { addr: '127.0.0.1', type: 'V4' }, port: 9001 }] },
    expected: { description: 'made by a playbook' },
  },
  {
    kind: 'serviceenginegroup',
    args: {
      name: 'ansible-group',
      max_scaleout_per_vs: 3,
      max_se: 5,
      se_deprovision_delay: 120,
      cloud_ref: '/api/cloud?name=Default-Cloud',
    },
    update: { max_scaleout_per_vs: 2 },
    expected: { max_scaleout_per_vs: 2, max_se: 5 },
  },
  {
    kind: 'vsvip',
    args: {
      name: 'ansible-vip',
      vip: [{ vip_id: '1', ip_address: { addr: VIP, type: 'V4' } }],
      cloud_ref: '/api/cloud?name=Default-Cloud',
    },
    update: { dns_info: [{ fqdn: 'ansible.example.test' }] },
    expected: {},
  },
  {
    kind: 'virtualservice',
    args: {
      name: 'ansible-vs',
      services: [{ port: 8080 }],
      pool_ref: '/api/pool?name=ansible-pool',
      vsvip_ref: '/api/vsvip?name=ansible-vip',
      cloud_ref: '/api/cloud?name=Default-Cloud',
    },
    update: { description: 'changed' },
    expected: { description: 'changed' },
  },
  {
    kind: 'ipaddrgroup',
    args: { name: 'ansible-addresses', prefixes: [{ ip_addr: { addr: '10.0.0.0', type: 'V4' }, mask: 8 }] },
    update: { addrs: [{ addr: '192.0.2.1', type: 'V4' }] },
    expected: {},
  },
  {
    kind: 'stringgroup',
    args: { name: 'ansible-strings', type: 'SG_TYPE_STRING', kv: [{ key: '.html' }, { key: '.css' }] },
    update: { kv: [{ key: '.html' }] },
    expected: { type: 'SG_TYPE_STRING' },
  },
  {
    kind: 'applicationpersistenceprofile',
    args: {
      name: 'ansible-persistence',
      persistence_type: 'PERSISTENCE_TYPE_HTTP_COOKIE',
      http_cookie_persistence_profile: { cookie_name: 'My-AppCookie', timeout: 15 },
    },
    update: { http_cookie_persistence_profile: { cookie_name: 'My-AppCookie', timeout: 20 } },
    expected: { persistence_type: 'PERSISTENCE_TYPE_HTTP_COOKIE' },
  },
];

const succeeded = (result: ModuleResult): ModuleResult => {
  if (result.failed === true) throw new Error(result.msg ?? JSON.stringify(result));
  return result;
};

(ansibleIsHere ? describe : describe.skip)("Ansible's modules for this API", () => {
  const scope = new Scope('ansible');
  let instance: Instance;
  let modules: AnsibleModules;

  beforeAll(async () => {
    const { netns } = await testNetwork(scope);
    instance = await Instance.start(scope, { serviceEngines: 2, netns });
    modules = new AnsibleModules(instance, await scope.tempDir('ansible'), netns);
  }, 120_000);
  afterAll(() => scope.close(), 60_000);

  describe.each(TASKS)('avi_$kind', ({ kind, args, update, expected }) => {
    it('creates', async () => {
      const result = succeeded(await modules.run(kind, args));
      expect(result.changed).toBe(true);
      expect(result.obj).toMatchObject({ name: args['name'] });
    });

    it('finds nothing to change the second time', async () => {
      expect(succeeded(await modules.run(kind, args)).changed).toBe(false);
    });

    it('updates, once', async () => {
      expect(succeeded(await modules.run(kind, { ...args, ...update })).changed).toBe(true);
      expect(succeeded(await modules.run(kind, { ...args, ...update })).changed).toBe(false);
      const page = await instance.api.get<{ results: Record<string, unknown>[] }>(
        `/api/${kind}?name=${String(args['name'])}`,
      );
      expect(page.results).toEqual([expect.objectContaining(expected)]);
    });
  });

  it('scales a virtual service out, migrates it and scales it in', async () => {
    const { uuid } = await instance.api.find('virtualservice', 'ansible-vs');
    const act = async (action: string, data: Record<string, unknown>): Promise<void> => {
      const path = `virtualservice/${uuid}/${action}`;
      const result = succeeded(await modules.run('api_session', { http_method: 'post', path, data }));
      expect(result.changed).toBe(true);
      await instance.api.waitOperation(String(result.obj?.['operation_uuid']));
    };
    const placedOn = async (): Promise<string[]> => {
      const runtime = await instance.api.get<{
        vip_summary: { service_engine?: { name: string; primary: boolean }[] }[];
      }>(`/api/virtualservice/${uuid}/runtime`);
      return (runtime.vip_summary[0]?.service_engine ?? []).map(
        ({ name, primary }) => name + (primary ? '*' : ''),
      );
    };
    await eventually(async () => (await placedOn()).length === 1, {
      what: 'the virtual service to be placed',
    });
    const [first = ''] = await placedOn();
    const [from, to] = first === 'se-1*' ? ['se-1', 'se-2'] : ['se-2', 'se-1'];
    await act('migrate', { vip_id: '1', from_se_ref: `/api/serviceengine?name=${from}` });
    expect(await placedOn()).toEqual([`${to}*`]);
    await act('scaleout', { vip_id: '1', to_se_ref: `/api/serviceengine?name=${from}` });
    expect(await placedOn()).toHaveLength(2);
    await act('scalein', { vip_id: '1', scalein_primary: true });
    expect(await placedOn()).toEqual([`${from}*`]);
  });

  it('refuses to delete a pool that a virtual service uses, and says who uses it', async () => {
    const result = await modules.run('pool', { name: 'ansible-pool', state: 'absent' });
    expect(result).toMatchObject({ failed: true });
    expect(result.msg).toContain("Cannot delete, object is referred by: ['VirtualService ansible-vs']");
  });

  it.each(TASKS.toReversed())(
    'deletes avi_$kind, and then finds nothing to delete',
    async ({ kind, args }) => {
      expect(succeeded(await modules.run(kind, { ...args, state: 'absent' })).changed).toBe(true);
      expect(succeeded(await modules.run(kind, { ...args, state: 'absent' })).changed).toBe(false);
    },
  );
});
