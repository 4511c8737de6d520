import { Injectable } from '@nestjs/common';
import type { StoreTransaction } from './store-transaction.js';
import type { Spec, StoredObject } from './types.js';

/** Who writes, for hooks and for the record. */
export interface WriteContext {
  /** Empty for what the controller does by itself. */
  readonly userName: string;
  /** The tenant that new objects belong to where they do not say. */
  readonly tenantUuid: string;
}

export interface ObjectWrite {
  readonly kind: string;
  /** Undefined for a new object. */
  readonly before: StoredObject | undefined;
  /** Valid, references as uuids, defaults filled. */
  readonly spec: Spec;
}

/** What slow work before a write came to. */
export interface Prepared {
  readonly spec: Spec;
  /** In the transaction, once the object is written: rows that go with it. */
  readonly after?: (tx: StoreTransaction, object: StoredObject) => Promise<void>;
}

/** What a part adds to a kind. All are optional; several parts may register for one kind, or for `*`. */
export interface KindHooks {
  /** Before the lock is taken: slow work (hashing, parsing). The spec is as sent: nothing is resolved or filled. */
  prepare?(spec: Spec, before: StoredObject | undefined): Promise<Prepared> | Prepared;
  /** In the transaction, before the write: cross-object rules. Answers the spec to store. Throws to refuse. */
  beforeWrite?(tx: StoreTransaction, write: ObjectWrite, context: WriteContext): Promise<Spec> | Spec;
  /** In the transaction, after the write: rows that belong to it, records of what happened. */
  afterWrite?(
    tx: StoreTransaction,
    object: StoredObject,
    before: StoredObject | undefined,
    context: WriteContext,
  ): Promise<void>;
  /** In the transaction, before a removal. Throws to refuse. */
  beforeRemove?(tx: StoreTransaction, object: StoredObject, context: WriteContext): Promise<void>;
  afterRemove?(tx: StoreTransaction, object: StoredObject, context: WriteContext): Promise<void>;
  /** Fields that the server adds in replies (`vip_runtime`), by uuid; references in them as uuids. */
  decorate?(objects: readonly StoredObject[]): Promise<ReadonlyMap<string, Spec>>;
  /** What `join_subresources=runtime` embeds, by uuid. */
  runtime?(objects: readonly StoredObject[], base: string): Promise<ReadonlyMap<string, Spec>>;
}

/** Where parts register what they add to kinds; do it in `onModuleInit` or a constructor. */
@Injectable()
export class HookRegistry {
  private readonly hooks = new Map<string, KindHooks[]>();

  register(kind: string, hooks: KindHooks): void {
    this.hooks.set(kind, [...(this.hooks.get(kind) ?? []), hooks]);
  }

  /** Those of the kind, then those of every kind, in the order of registration. */
  of(kind: string): readonly KindHooks[] {
    return [...(this.hooks.get(kind) ?? []), ...(this.hooks.get('*') ?? [])];
  }

  /** Runs what follows a write; for parts that write objects which another object brings with it. */
  async afterWrite(
    tx: StoreTransaction,
    object: StoredObject,
    before: StoredObject | undefined,
    context: WriteContext,
  ): Promise<void> {
    for (const hook of this.of(object.kind)) await hook.afterWrite?.(tx, object, before, context);
  }

  async afterRemove(tx: StoreTransaction, object: StoredObject, context: WriteContext): Promise<void> {
    for (const hook of this.of(object.kind)) await hook.afterRemove?.(tx, object, context);
  }
}
