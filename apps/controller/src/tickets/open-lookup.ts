import type { Lookup, TicketSecrets } from '@spillway/translator';
import { isKind, kinds } from '@spillway/model';
import type { ObjectCache, SecretBox, StoredObject } from '../store/index.js';
import { TICKET_SECRETS_KIND } from './ticket-secrets.service.js';

/**
 * Objects as the translator reads them: what SEs need of secrets is in clear. The copies live as long as the objects
 * that they were made of, and go nowhere but to SEs.
 */
export class OpenLookup implements Lookup {
  readonly #opened = new WeakMap<StoredObject, StoredObject>();

  constructor(
    private readonly cache: Pick<ObjectCache, 'get'>,
    private readonly secrets: SecretBox,
  ) {}

  get(uuid: string): StoredObject | undefined {
    const object = this.cache.get(uuid);
    if (object === undefined || !holdsSecrets(object.kind)) return object;
    const known = this.#opened.get(object);
    if (known !== undefined) return known;
    const opened = { ...object, spec: this.#open(object) };
    this.#opened.set(object, opened);
    return opened;
  }

  #open(object: StoredObject): StoredObject['spec'] {
    if (object.kind !== TICKET_SECRETS_KIND)
      return this.secrets.openSpec(object.kind, object.uuid, object.spec);
    const { secrets } = object.spec as unknown as TicketSecrets;
    return { ...object.spec, secrets: secrets.map((s) => this.secrets.open(object.uuid, s)) };
  }
}

const holdsSecrets = (kind: string): boolean =>
  kind === TICKET_SECRETS_KIND || (isKind(kind) && kinds[kind].secretFields.length > 0);
