import { applyDefaults, isKind, type KindName, type KindTypes } from '@spillway/model';
import {
  canonical,
  type Fragment,
  type FragmentType,
  parseFragment,
  SnapshotError,
} from '@spillway/snapshot';
import { translateCertificate } from './tls/certificate.js';
import { translateTicketKeys } from './tls/ticket-keys.js';
import { translateHealthMonitor } from './health-monitor.js';
import { translateAddressGroup, translateStringGroup } from './policy/groups.js';
import { translateNetworkPolicy } from './policy/network-policy.js';
import { translateHttpPolicySet } from './policy/policy-set.js';
import { translatePersistenceProfile } from './persistence.js';
import { translatePoolGroup } from './pool-group.js';
import { translatePool } from './pool.js';
import { translateSettings } from './settings.js';
import { error, type Lookup, type StoredObject, type Translated } from './types.js';
import { translateVirtualService } from './virtual-service.js';

/** What can be translated by itself; `settings` is translated per SE. */
export type Translatable = Exclude<FragmentType, 'placement'>;

interface Entry {
  translated: Translated;
  /** Everything that was read, with the generation it had; undefined where it was not there. */
  read: ReadonlyMap<string, number | undefined>;
}

/**
 * Translations memoised per object and closed over its references: an entry holds until one of the objects that were
 * read for it is said to have changed, and then as long as each still has its generation. A translation that comes out as before keeps its identity, so that who
 * compares fragments by `===` sees no change.
 */
export class FragmentCache {
  readonly #entries = new Map<string, Entry>();
  readonly #readers = new Map<string, Set<string>>();
  /** Entries that read an object which has changed since. */
  readonly #doubted = new Set<string>();

  constructor(
    private readonly lookup: Lookup,
    private readonly clusterUuid: string,
  ) {}

  get(type: Translatable, uuid: string): Translated {
    const id = `${type}/${uuid}`;
    const known = this.#entries.get(id);
    if (known !== undefined && !this.#doubted.has(id)) return known.translated;
    this.#doubted.delete(id);
    if (known !== undefined && this.#holds(known)) return known.translated;
    const read = new Map<string, number | undefined>();
    const fresh = checked(this.#translate(type, uuid, recording(this.lookup, read)));
    const translated = { ...fresh, fragment: sameOr(known?.translated.fragment, fresh.fragment) };
    this.#forget(id);
    this.#entries.set(id, { translated, read });
    for (const dependency of read.keys()) addTo(this.#readers, dependency, id);
    return translated;
  }

  /**
   * These objects were created, updated or deleted: what was translated from them is looked at again when it is asked
   * for. Returns its ids (`type/uuid`).
   */
  changed(uuids: Iterable<string>): Set<string> {
    const found = new Set<string>();
    for (const uuid of uuids)
      for (const id of this.#readers.get(uuid) ?? []) {
        found.add(id);
        this.#doubted.add(id);
      }
    return found;
  }

  /** Drops what nobody uses any more. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#forget(id);
  }

  get size(): number {
    return this.#entries.size;
  }

  #holds(entry: Entry): boolean {
    for (const [uuid, generation] of entry.read)
      if (this.lookup.get(uuid)?.generation !== generation) return false;
    return true;
  }

  #translate(type: Translatable, uuid: string, lookup: Lookup): Translated {
    return type === 'settings'
      ? translateSettings(uuid, this.clusterUuid, lookup)
      : TRANSLATORS[type](uuid, lookup);
  }

  #forget(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#doubted.delete(id);
    for (const dependency of entry.read.keys()) {
      const readers = this.#readers.get(dependency);
      readers?.delete(id);
      if (readers?.size === 0) this.#readers.delete(dependency);
    }
  }
}

const TRANSLATORS = {
  virtual_service: translateVirtualService,
  pool: translatePool,
  health_monitor: translateHealthMonitor,
  pool_group: translatePoolGroup,
  http_policy_set: translateHttpPolicySet,
  network_policy: translateNetworkPolicy,
  string_group: translateStringGroup,
  address_group: translateAddressGroup,
  persistence_profile: translatePersistenceProfile,
  certificate: translateCertificate,
  ticket_keys: translateTicketKeys,
};

const filled = new WeakMap<StoredObject, StoredObject>();

/** With the defaults of today: an object may have been stored before a field had one. */
function withDefaults(object: StoredObject): StoredObject {
  if (!isKind(object.kind)) return object;
  const known = filled.get(object);
  if (known !== undefined) return known;
  const spec = applyDefaults(object.kind, object.spec as KindTypes[KindName]);
  const fresh = { ...object, kind: object.kind, uuid: object.uuid, name: object.name, spec };
  filled.set(object, fresh);
  return fresh;
}

/** What the SE would refuse is left out here: one bad object must not keep an SE from all others. */
function checked(translated: Translated): Translated {
  const { fragment } = translated;
  if (fragment === undefined) return translated;
  try {
    parseFragment(fragment.type, fragment.key, fragment.body);
    return translated;
  } catch (err) {
    if (!(err instanceof SnapshotError)) throw err;
    const problem = error('NOT_TRANSLATABLE', err.path, `cannot be run by a service engine: ${err.message}`);
    return { fragment: undefined, uses: [], problems: [...translated.problems, problem] };
  }
}

const recording = (lookup: Lookup, read: Map<string, number | undefined>): Lookup => ({
  get(uuid: string): StoredObject | undefined {
    const object = lookup.get(uuid);
    read.set(uuid, object?.generation);
    return object === undefined ? undefined : withDefaults(object);
  },
});

function sameOr(known: Fragment | undefined, fresh: Fragment | undefined): Fragment | undefined {
  if (known === undefined || fresh === undefined) return fresh;
  return canonical(known.body) === canonical(fresh.body) ? known : fresh;
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}
