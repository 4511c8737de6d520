import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Completed, eventually, type Netns, type Scope, withTimeout } from '@spillway/testing';
import type { ComposeFile, ComposeService } from './compose-file.js';
import { Container } from './container.js';
import { buildOutput, type Image, makeImage } from './images.js';
import { BridgeNetwork } from './network.js';
import { postgresImage, redisImage } from './stand-ins.js';

const UID = 10_001;

/** Everything that `docker compose up` starts, started without a container engine. Needs root. */
export class Composition {
  readonly containers = new Map<string, Container>();
  network!: BridgeNetwork;
  /** Where clients are: beside the containers on the bridge. */
  clients!: Netns;
  readonly #images = new Map<string, Image>();
  readonly #namespaces = new Map<string, Netns>();
  #volumes = '';
  #logs = '';
  #shm = '';

  private constructor(
    private readonly scope: Scope,
    readonly file: ComposeFile,
  ) {}

  /** Images, network and volumes are there; nothing runs. */
  static async create(scope: Scope, file: ComposeFile): Promise<Composition> {
    const composition = new Composition(scope, file);
    await composition.#prepare();
    return composition;
  }

  async #prepare(): Promise<void> {
    const { scope, file } = this;
    const out = await buildOutput(scope);
    for (const target of new Set(Object.values(file.services).flatMap(({ build }) => build?.target ?? [])))
      this.#images.set(`spillway/${target}`, await makeImage(scope, target, out));
    this.#images.set('postgres', await postgresImage(scope));
    this.#images.set('redis', await redisImage(scope));

    this.#volumes = await scope.tempDir('volumes');
    this.#logs = await scope.tempDir('logs');
    this.#shm = join(await scope.tempDir('shm'), 'shm');
    await mkdir(this.#shm, { mode: 0o1777 });
    await chown(this.#shm, UID, UID);

    const subnet = file.networks['spillway']?.ipam.config[0]?.subnet ?? '';
    this.network = await BridgeNetwork.create(scope, subnet);
    const free = (n: number): string => subnet.replace(/\d+\/\d+$/, String(n));
    let next = 30;
    for (const [name, service] of Object.entries(file.services)) {
      if (service.networks === undefined) continue;
      const fixed = Array.isArray(service.networks) ? undefined : service.networks['spillway']?.ipv4_address;
      const netns = await this.network.join(name, fixed ?? free(next++), service.sysctls);
      this.#namespaces.set(name, netns);
    }
    this.clients = await this.network.join('clients', free(200));
    await this.network.publish();
  }

  /** Starts one service, after what it depends on, and returns its container. */
  async up(name: string): Promise<Container> {
    const running = this.containers.get(name);
    if (running?.running) return running;
    const service = this.#service(name);
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      await this.up(other);
      if (condition === 'service_healthy') await this.healthy(other);
    }
    const container = await this.#start(name, service);
    this.containers.set(name, container);
    return container;
  }

  /** Waits until the health check of a service says that it is well. */
  async healthy(name: string, within = 60_000): Promise<void> {
    const container = this.containers.get(name);
    const service = this.#service(name);
    const check = service.healthcheck?.test?.slice(1) ?? this.#image(service).health;
    if (!container || !check) throw new Error(`${name} has no health check, or does not run`);
    // Of the stand-ins of others' images: their own words, since they have not those images' tools.
    const own = this.#image(service).healthy;
    await eventually(
      async () => {
        if (!container.running) throw new Error(`${name} ended`);
        if (own) return own(container);
        const { code, stderr } = await container.exec(check, { check: false });
        if (code !== 0) throw new Error(`exit code ${code} ${stderr}`);
        return true;
      },
      { within, every: 100, what: `${name} to be healthy` },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${container.output().slice(-4_000)}`, { cause: error });
    });
  }

  /** Runs a service that ends by itself, as often as its restart policy allows, and returns what it printed. */
  async once(name: string, attempts = 1): Promise<string> {
    let printed = '';
    for (let left = attempts; left > 0; left--) {
      const container = await this.up(name);
      const { code } = await withTimeout(container.outer.exited, 60_000, name);
      printed = container.output();
      if (code === 0) return printed;
    }
    throw new Error(`${name} failed ${attempts} times:\n${printed}`);
  }

  /** `docker compose run --rm NAME COMMAND`: a container of the service beside the one that is there. */
  async run(name: string, script: string): Promise<Completed> {
    const service = this.#service(name);
    const container = await this.#start(name, { ...service, command: ['sh', '-c', script] }, `${name}-run`);
    const exit = await withTimeout(container.outer.exited, 120_000, script);
    return { ...exit, stdout: container.output(), stderr: '' };
  }

  /** `docker volume rm`. */
  async removeVolume(name: string): Promise<void> {
    await rm(join(this.#volumes, name), { recursive: true });
  }

  /** The end of what a service has printed. */
  logs(name: string): string {
    return this.containers.get(name)?.output() ?? '';
  }

  async #start(name: string, service: ComposeService, label = name): Promise<Container> {
    const image = this.#image(service);
    const joined = /^service:(.*)$/.exec(service.network_mode ?? '')?.[1];
    const joins = joined === undefined ? undefined : await this.up(joined);
    const netns = this.#namespaces.get(joined ?? name);
    if (!netns) throw new Error(`${name} has no network`);
    return Container.start(this.scope, {
      name: label,
      root: image.root,
      command: [...(service.command ?? image.command), ...(image.moreArguments ?? [])],
      environment: { ...image.environment, ...service.environment },
      user: service.user ?? image.user,
      netns,
      ...(joins && { joins }),
      shm: this.#shm,
      volumes: await this.#volumesOf(service),
      hosts: this.network.hosts,
      logFile: join(this.#logs, `${label}.log`),
      ...(service.init && { init: true }),
    });
  }

  /** A new volume takes the owner of the directory in the image that it is mounted on. */
  async #volumesOf(service: ComposeService): Promise<Record<string, string>> {
    const { root, mounts } = this.#image(service);
    const volumes: Record<string, string> = { ...mounts };
    for (const line of service.volumes ?? []) {
      const [volume = '', at = '', mode] = line.split(':');
      const dir = join(this.#volumes, volume);
      if (!existsSync(dir)) {
        await mkdir(dir);
        await copyOwner(join(root, at), dir);
      }
      await mkdir(join(root, at), { recursive: true });
      volumes[mode === 'ro' ? `${at}:ro` : at] = dir;
    }
    return volumes;
  }

  #service(name: string): ComposeService {
    const service = this.file.services[name];
    if (!service) throw new Error(`docker-compose.yml has no service ${name}`);
    return service;
  }

  #image(service: ComposeService): Image {
    const image = this.#images.get(service.image.replace(/:[^:]*$/, ''));
    if (!image) throw new Error(`no image ${service.image}`);
    return image;
  }
}

async function copyOwner(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return;
  const { uid, gid, mode } = await stat(from);
  await chown(to, uid, gid);
  await chmod(to, mode & 0o7777);
}
