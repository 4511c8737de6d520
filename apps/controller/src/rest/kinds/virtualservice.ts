import { Injectable, type OnModuleInit } from '@nestjs/common';
import { errors } from '../../errors.js';
import {
  HookRegistry,
  ObjectCache,
  type ObjectView,
  type ObjectWrite,
  type Spec,
  type StoredObject,
  type StoreTransaction,
  type WriteContext,
} from '../../store/index.js';
import { textOf } from '../text.js';
import { make, remake, unmake } from './make.js';
import { withDisabledAt, withRanges } from './pool-servers.js';
import { listenerTaken } from './vip-of.js';

const list = (value: unknown): readonly Spec[] => (Array.isArray(value) ? (value as Spec[]) : []);

/** The VsVip that is made for a virtual service with addresses of its own. */
const ownVipName = (name: string): string => `vsvip-${name}`;
/** The pool that the basic way of creating a virtual service makes (pools document). */
const ownPoolName = (name: string): string => `${name}-pool`;

/** Addresses inline become a VsVip, servers inline a pool; no two virtual services listen on one address and port. */
@Injectable()
export class VirtualServiceHooks implements OnModuleInit {
  constructor(
    private readonly hooks: HookRegistry,
    private readonly cache: ObjectCache,
  ) {}

  onModuleInit(): void {
    this.hooks.register('virtualservice', {
      beforeWrite: async (tx, write, context) => {
        const withVip = await this.inlineVip(tx, write, context);
        const spec = await this.inlineServers(tx, { ...write, spec: withVip }, context);
        refuseTaken(write.before?.uuid, spec, tx);
        return spec;
      },
      afterWrite: (tx, vs, before, context) => this.dropOwnVip(tx, before, vs, context),
      afterRemove: (tx, vs, context) => this.dropOwnVip(tx, vs, undefined, context),
      decorate: async (objects) => new Map(objects.map((vs) => [vs.uuid, this.shown(vs)])),
    });
    this.hooks.register('vsvip', {
      afterWrite: async (tx, vsvip) => {
        for (const { object } of tx.referrers(vsvip.uuid))
          if (object.kind === 'virtualservice') refuseTaken(object.uuid, object.spec, tx);
      },
    });
  }

  /** The addresses, as older clients read them in the virtual service itself, and what the system adds. */
  private shown(vs: StoredObject): Spec {
    const vsvip = this.cache.get(textOf(vs.spec['vsvip_ref']));
    const vips = list(vsvip?.spec['vip']);
    return { version: String(vs.generation), ...(vips.length > 0 ? { vip: vips } : {}) };
  }

  /** `vip` in a virtual service: made into a VsVip of its own, or written to the one that was made before. */
  private async inlineVip(
    tx: StoreTransaction,
    { before, spec }: ObjectWrite,
    context: WriteContext,
  ): Promise<Spec> {
    const { vip, ...rest } = spec;
    const vips = list(vip);
    if (vips.length === 0) return rest;
    const named = tx.get(textOf(spec['vsvip_ref']));
    if (named) return keepNamed(named, vips, rest);
    const name = textOf(spec['name']);
    const own = tx.get(textOf(before?.spec['vsvip_ref']));
    const vsvip = {
      name: own?.name ?? ownVipName(name),
      tenant_ref: spec['tenant_ref'],
      cloud_ref: spec['cloud_ref'],
      vrf_context_ref: spec['vrf_context_ref'],
      vip: vips,
    };
    if (own) {
      const others = tx.referrers(own.uuid).filter((r) => r.object.uuid !== before?.uuid);
      if (others.length > 0 && !sameVips(own, vips)) throw vipElsewhere(own.name);
      if (!sameVips(own, vips)) await remake(tx, this.hooks, own, { ...own.spec, vip: vips }, context);
      return { ...rest, vsvip_ref: own.uuid };
    }
    const made = await make(tx, this.hooks, 'vsvip', vsvip, context);
    return { ...rest, vsvip_ref: made.uuid };
  }

  /** `servers` in a new virtual service: the basic way, a pool `<name>-pool` with the port of the virtual service. */
  private async inlineServers(
    tx: StoreTransaction,
    { before, spec }: ObjectWrite,
    context: WriteContext,
  ): Promise<Spec> {
    const { servers, ...rest } = spec;
    if (list(servers).length === 0) return rest;
    if (before || spec['pool_ref'] !== undefined || spec['pool_group_ref'] !== undefined) {
      const named = tx.get(textOf(spec['pool_ref']))?.name ?? ownPoolName(textOf(spec['name']));
      throw errors.badRequest(
        'FIELD_INVALID',
        `Field check for servers failed : they make the pool of a new virtual service that names none. Change the servers in Pool ${named}.`,
        { field: 'servers' },
      );
    }
    const port = Number(list(spec['services'])[0]?.['port'] ?? 80);
    const pool = {
      name: ownPoolName(textOf(spec['name'])),
      tenant_ref: spec['tenant_ref'],
      cloud_ref: spec['cloud_ref'],
      vrf_ref: spec['vrf_context_ref'],
      default_server_port: port,
      servers: withDisabledAt(withRanges(list(servers)), [], Date.now()),
    };
    const made = await make(tx, this.hooks, 'pool', pool, context);
    return { ...rest, pool_ref: made.uuid };
  }

  /** The VsVip that was made for a virtual service goes with it, when nobody else uses it. */
  private async dropOwnVip(
    tx: StoreTransaction,
    left: StoredObject | undefined,
    now: StoredObject | undefined,
    context: WriteContext,
  ): Promise<void> {
    const vsvip = tx.get(textOf(left?.spec['vsvip_ref']));
    if (!left || !vsvip || vsvip.uuid === now?.spec['vsvip_ref']) return;
    if (vsvip.name !== ownVipName(left.name) || tx.referrers(vsvip.uuid).length > 0) return;
    await unmake(tx, this.hooks, vsvip, context);
  }
}

/** With both, `vip` may only repeat what the VsVip says, as a client does that writes back what it read. */
function keepNamed(named: StoredObject, vips: readonly Spec[], rest: Spec): Spec {
  if (!sameVips(named, vips)) throw vipElsewhere(named.name);
  return rest;
}

/** What an address of a virtual service is told by. */
const key = (vip: Spec): string => {
  const address = (field: string): unknown => (vip[field] as Spec | undefined)?.['addr'];
  return JSON.stringify([
    vip['vip_id'],
    address('ip_address'),
    address('ip6_address'),
    vip['enabled'] ?? true,
  ]);
};

function sameVips(vsvip: StoredObject, vips: readonly Spec[]): boolean {
  return list(vsvip.spec['vip']).map(key).join() === vips.map(key).join();
}

const vipElsewhere = (name: string): Error =>
  errors.badRequest(
    'FIELD_INVALID',
    `Field check for vip failed : the addresses belong to VsVip ${name}. Change them there, and leave vip out here.`,
    { field: 'vip' },
  );

function refuseTaken(uuid: string | undefined, spec: Readonly<Spec>, view: ObjectView): void {
  const taken = listenerTaken(uuid, spec, view);
  if (!taken) return;
  const { at, by } = taken;
  const port = at.first === at.last ? String(at.first) : `${at.first}-${at.last}`;
  throw errors.badRequest(
    'LISTENER_TAKEN',
    `VirtualService ${by.name} already listens on ${at.shown} ${at.protocol} port ${port}. Use another port or address.`,
    { field: 'services', virtualservice: by.name },
  );
}
