import { ipKey } from '@spillway/model';
import type { ObjectView, Spec, StoredObject } from '../../store/index.js';

/** An address and a range of ports that one virtual service listens on. */
export interface Listener {
  /** As it was written. */
  readonly shown: string;
  /** In canonical form. */
  readonly address: string;
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

const list = (value: unknown): readonly Spec[] => (Array.isArray(value) ? (value as Spec[]) : []);

/** The addresses of a VsVip, as they are written. */
export function addressesOf(vips: unknown): string[] {
  return list(vips).flatMap((vip) => {
    if (vip['enabled'] === false) return [];
    return [vip['ip_address'], vip['ip6_address']].flatMap((ip) => {
      const address = (ip as Spec | undefined)?.['addr'];
      return typeof address === 'string' ? [address] : [];
    });
  });
}

/** Everything a virtual service listens on. */
export function listenersOf(spec: Readonly<Spec>, view: Pick<ObjectView, 'get'>): Listener[] {
  const vsvip = typeof spec['vsvip_ref'] === 'string' ? view.get(spec['vsvip_ref']) : undefined;
  const addresses = addressesOf(vsvip?.spec['vip']);
  return list(spec['services']).flatMap((service) => {
    const first = Number(service['port']);
    const last = Math.max(first, Number(service['port_range_end'] ?? first));
    const protocol = protocolOf(service['override_network_profile_ref'] ?? spec['network_profile_ref'], view);
    return addresses.map((shown) => ({ shown, address: ipKey(shown), first, last, protocol }));
  });
}

function protocolOf(profile: unknown, view: Pick<ObjectView, 'get'>): string {
  const object = typeof profile === 'string' ? view.get(profile) : undefined;
  const type = (object?.spec['profile'] as { type?: string } | undefined)?.type ?? 'PROTOCOL_TYPE_TCP_PROXY';
  return type.includes('_UDP_') ? 'UDP' : type.includes('_SCTP_') ? 'SCTP' : 'TCP';
}

/** The first other virtual service of the same routing table that listens where this one would. */
export function listenerTaken(
  uuid: string | undefined,
  spec: Readonly<Spec>,
  view: ObjectView,
): { readonly by: StoredObject; readonly at: Listener } | undefined {
  const mine = listenersOf(spec, view);
  for (const other of view.byKind('virtualservice')) {
    if (other.uuid === uuid || other.spec['vrf_context_ref'] !== spec['vrf_context_ref']) continue;
    for (const theirs of listenersOf(other.spec, view)) {
      const at = mine.find(
        (m) =>
          m.address === theirs.address &&
          m.protocol === theirs.protocol &&
          m.first <= theirs.last &&
          theirs.first <= m.last,
      );
      if (at) return { by: other, at };
    }
  }
  return undefined;
}
