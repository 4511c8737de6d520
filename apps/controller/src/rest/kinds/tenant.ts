import { Injectable, type OnModuleInit } from '@nestjs/common';
import { isKind, kindNames, kinds } from '@spillway/model';
import { errors } from '../../errors.js';
import { HookRegistry, type ObjectView, type StoredObject } from '../../store/index.js';

/** A tenant goes only when it is empty. */
@Injectable()
export class TenantHooks implements OnModuleInit {
  constructor(private readonly hooks: HookRegistry) {}

  onModuleInit(): void {
    this.hooks.register('tenant', {
      beforeRemove: async (tx, tenant) => {
        const inside = objectsOf(tx, tenant);
        if (inside.length > 0) throw errors.inUse(inside);
      },
    });
  }
}

const MOST_NAMED = 20;

function objectsOf(view: ObjectView, tenant: StoredObject): string[] {
  const names: string[] = [];
  for (const kind of kindNames())
    for (const object of view.byKind(kind)) {
      if (object.tenantUuid !== tenant.uuid || object.uuid === tenant.uuid) continue;
      names.push(`${isKind(kind) ? kinds[kind].type : kind} ${object.name}`);
      if (names.length >= MOST_NAMED) return names;
    }
  return names;
}
