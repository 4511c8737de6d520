import { isDeepStrictEqual } from 'node:util';
import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type { FilledPool } from '@spillway/model';
import { RESOLVED_NAME, type ResolvedName, resolvedNameUuid } from '@spillway/translator';
import type { Subscription } from 'rxjs';
import { LOGGER, type Logger } from '../config/logger.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { EventService, type NewEvent } from '../event/index.js';
import { QueueService } from '../queue/queue.service.js';
import { type Change, ObjectCache, ObjectStore, type Spec, type StoredObject } from '../store/index.js';
import { type Answer, DnsClient } from './answer.js';
import { dnsServersOf } from './dns-servers.js';
import { NameIndex } from './name-index.js';
import { NameKeeper } from './name-keeper.js';
import { afterAnswer, forgotten } from './resolved-name.js';

/** Names that no pool uses any more are forgotten so often, in milliseconds. */
const SWEEP_MS = 60_000;

/**
 * Keeps what the names of servers resolve to, as objects that the translator reads. Every replica asks for itself, and
 * what is found is written only where it differs, so that no replica waits for another one and a lost one is not
 * missed. No API shows the objects, and no export holds them.
 */
@Injectable()
export class NamesService implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger: Logger;
  private readonly index = new NameIndex();
  private readonly client = new DnsClient();
  private readonly keeper: NameKeeper;
  private servers: readonly string[] = [];
  private subscription: Subscription | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly cache: ObjectCache,
    private readonly queue: QueueService,
    private readonly events: EventService,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'dnsServers'>,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.logger = logger.child({ part: 'names' });
    this.keeper = new NameKeeper(
      (name) => this.client.ask(name),
      (name, answer) => this.take(name, answer),
      (name, err) => this.logger.warn({ err, name }, 'what a name resolves to could not be kept'),
    );
  }

  onModuleInit(): void {
    this.queue.sweep('resolved-names', SWEEP_MS, () => this.sweep());
  }

  onApplicationBootstrap(): void {
    this.subscription = this.cache.changes.subscribe((changes) => this.onChanges(changes));
    this.useServers();
    for (const pool of this.cache.byKind('pool')) this.index.set(pool.uuid, specOf(pool));
    this.keeper.keep(this.index.names());
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
    this.keeper.close();
  }

  private onChanges(changes: readonly Change[]): void {
    let pools = false;
    for (const { kind, uuid } of changes) {
      if (kind === 'systemconfiguration' && this.useServers()) this.keeper.refresh();
      if (kind !== 'pool') continue;
      pools = true;
      this.index.set(uuid, specOf(this.cache.get(uuid)));
    }
    if (pools) this.keeper.keep(this.index.names());
  }

  /** True when others are to be asked than before. */
  private useServers(): boolean {
    const [system] = this.cache.byKind('systemconfiguration');
    const servers = dnsServersOf(this.settings.dnsServers, system?.spec);
    if (isDeepStrictEqual(servers, this.servers)) return false;
    this.servers = servers;
    this.client.use(servers);
    return true;
  }

  private async take(name: string, answer: Answer): Promise<void> {
    const now = Date.now();
    const after = (known: ResolvedName | undefined): ResolvedName =>
      forgotten(afterAnswer(name, known, answer, now), this.index.useOf(name), now);
    const before = knownOf(this.cache.get(resolvedNameUuid(name)));
    const next = after(before);
    if (isDeepStrictEqual(before, next) || !this.index.has(name)) return;
    await this.store.transaction(async (tx) => {
      const uuid = resolvedNameUuid(name);
      const held = knownOf(tx.get(uuid));
      const spec = after(held);
      // Another replica has found the same.
      if (isDeepStrictEqual(held, spec)) return;
      if (held === undefined) await tx.create(RESOLVED_NAME, toSpec(spec), { uuid });
      else await tx.replace(RESOLVED_NAME, uuid, toSpec(spec));
      if (spec.failure !== undefined && held?.failure === undefined)
        await this.events.record(this.failed(spec, spec.failure), tx.manager);
    });
    if (next.failure !== undefined && before?.failure !== next.failure)
      this.logger.warn({ name, failure: next.failure }, 'a name keeps the addresses that it had');
    else if (next.failure === undefined)
      this.logger.info({ name, addresses: next.addresses.map((a) => a.address) }, 'a name has changed');
  }

  /** For each pool that uses the name; once, until an answer is of use again. */
  private failed({ name, addresses }: ResolvedName, failure: string): NewEvent[] {
    return this.index.poolsOf(name).flatMap((uuid) => {
      const pool = this.cache.get(uuid);
      if (pool === undefined) return [];
      const kept = addresses.filter((a) => a.gone_at === undefined).map((a) => a.address);
      const rest = kept.length === 0 ? 'it has no address yet' : `it keeps ${kept.join(', ')}`;
      return {
        eventId: 'DNS_QUERY_ERROR',
        kind: 'pool',
        objUuid: uuid,
        objName: pool.name,
        tenantUuid: pool.tenantUuid,
        description: `server ${name} of pool ${pool.name}: ${failure}; ${rest}`,
        details: { name, failure, addresses: kept },
      };
    });
  }

  /** Forgets what no pool names any more. */
  private async sweep(): Promise<void> {
    const held = Array.from(this.cache.byKind(RESOLVED_NAME));
    for (const object of held) {
      if (this.index.has(object.name)) continue;
      await this.store.transaction(async (tx) => {
        const used = [...tx.byKind('pool')].some((pool) => {
          const one = new NameIndex();
          one.set(pool.uuid, specOf(pool));
          return one.has(object.name);
        });
        if (!used && tx.get(object.uuid) !== undefined) await tx.remove(RESOLVED_NAME, object.uuid);
      });
    }
  }
}

const specOf = (pool: StoredObject | undefined): FilledPool | undefined =>
  pool?.kind === 'pool' ? (pool.spec as unknown as FilledPool) : undefined;

const knownOf = (object: StoredObject | undefined): ResolvedName | undefined =>
  object === undefined ? undefined : (object.spec as unknown as ResolvedName);

const toSpec = (known: ResolvedName): Spec => ({ ...known });
