import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyDefaults, type KindName, type KindTypes } from '@spillway/model';
import { DataSource } from 'typeorm';
import { readSettings } from '../config/settings.js';
import { Endpoints } from '../config/endpoints.js';
import { DeliveryService } from '../delivery/delivery.service.js';
import { EnrolmentService } from '../se-channel/enrolment.service.js';
import { type RunningController, startController } from '../start.js';
import { ObjectCache, ObjectStore, type Spec, type StoredObject } from '../store/index.js';
import { ChannelSe, type ChannelSeOptions, enrol, type SeIdentity } from './channel-se.js';

/** A whole controller over a real database, with ports of its own. */
export class TestController {
  private constructor(
    readonly running: RunningController,
    readonly dir: string,
  ) {}

  /** `dir` given: another start, or another replica, of the same cluster. */
  static async start(
    databaseUrl: string,
    dir?: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<TestController> {
    const own = dir ?? mkdtempSync(join(tmpdir(), 'channel-controller-'));
    const settings = readSettings({
      SPILLWAY_DIR: own,
      DATABASE_URL: databaseUrl,
      SPILLWAY_API_LISTEN: '127.0.0.1:0',
      SPILLWAY_GRPC_LISTEN: '127.0.0.1:0',
      SPILLWAY_STATUS_LISTEN: '127.0.0.1:0',
      SPILLWAY_METRICS_LISTEN: 'off',
      SPILLWAY_ADMIN_PASSWORD: 'correct-horse',
      SPILLWAY_LOG_LEVEL: process.env['SPILLWAY_LOG_LEVEL'] ?? 'silent',
      ...environment,
    });
    return new TestController(await startController(settings), own);
  }

  get<T>(type: abstract new (...args: never[]) => T): T {
    return this.running.app.get<T>(type);
  }

  get api(): string {
    return this.running.api;
  }

  get grpc(): string {
    return this.get(Endpoints).all().grpc ?? '';
  }

  get store(): ObjectStore {
    return this.get(ObjectStore);
  }

  get cache(): ObjectCache {
    return this.get(ObjectCache);
  }

  get db(): DataSource {
    return this.get(DataSource);
  }

  named(kind: string, name: string): string {
    const found = this.cache.byName(kind, name)[0];
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    return found.uuid;
  }

  create(kind: KindName, spec: Spec): Promise<StoredObject> {
    return this.store.create(kind, filled(kind, spec));
  }

  update(kind: KindName, uuid: string, spec: Spec): Promise<StoredObject> {
    const before = this.cache.get(uuid)?.spec ?? {};
    return this.store.replace(kind, uuid, filled(kind, { ...before, ...spec }));
  }

  token(name = ''): Promise<string> {
    return this.get(EnrolmentService)
      .createToken({
        seGroupUuid: this.named('serviceenginegroup', 'Default-Group'),
        cloudUuid: this.named('cloud', 'Default-Cloud'),
        name,
        ttl: 60_000,
      })
      .then((t) => t.token);
  }

  async enrolled(name: string): Promise<SeIdentity> {
    return enrol(this.api, await this.token(name));
  }

  async se(name: string, options?: ChannelSeOptions): Promise<ChannelSe> {
    return new ChannelSe(await this.enrolled(name), options);
  }

  /** An HTTP virtual service `name` with one pool; returns both. */
  async service(name: string, address: string): Promise<{ vs: string; pool: string; vsvip: string }> {
    const pool = await this.create('pool', {
      name: `${name}-pool`,
      tenant_ref: 'admin',
      cloud_ref: this.named('cloud', 'Default-Cloud'),
      servers: [{ ip: { addr: '10.0.0.1', type: 'V4' } }],
    });
    const vsvip = await this.create('vsvip', {
      name: `${name}-vip`,
      tenant_ref: 'admin',
      cloud_ref: this.named('cloud', 'Default-Cloud'),
      vip: [{ vip_id: '0', ip_address: { addr: address, type: 'V4' } }],
    });
    const vs = await this.create('virtualservice', {
      name,
      tenant_ref: 'admin',
      cloud_ref: this.named('cloud', 'Default-Cloud'),
      se_group_ref: this.named('serviceenginegroup', 'Default-Group'),
      vsvip_ref: vsvip.uuid,
      pool_ref: pool.uuid,
      application_profile_ref: this.named('applicationprofile', 'System-HTTP'),
      network_profile_ref: this.named('networkprofile', 'System-TCP-Proxy'),
      services: [{ port: 80 }],
    });
    return { vs: vs.uuid, pool: pool.uuid, vsvip: vsvip.uuid };
  }

  /** Writes a placement as operations do, until delivery knows it; returns its generation, which is its epoch. */
  async place(vs: string, se: string, desired = 'active', vip = '0'): Promise<number> {
    const id = randomUUID();
    const written = await this.db.transaction(async (manager) => {
      const generation = await this.store.touch(manager, 'placement', id, 'created');
      await manager.query(
        `INSERT INTO placement (id, vs_uuid, vip_id, se_uuid, "primary", desired, epoch)
         VALUES ($1, $2, $3, $4, true, $5, $6)`,
        [id, vs, vip, se, desired, generation],
      );
      return generation;
    });
    await this.cache.catchUp(written);
    await this.get(DeliveryService).whenLive(written);
    return written;
  }

  async stop(keep = false): Promise<void> {
    await this.running.close();
    if (!keep) rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A spec as the API stores it. */
export const filled = (kind: KindName, spec: Spec): Spec =>
  applyDefaults(kind, spec as unknown as KindTypes[KindName]) as unknown as Spec;
