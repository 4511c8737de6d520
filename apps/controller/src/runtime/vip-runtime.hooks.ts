import { Injectable } from '@nestjs/common';
import { HookRegistry, type Spec } from '../store/index.js';
import { RuntimeReader } from './runtime-reader.js';
import { showStatus } from './oper-status.js';
import { vipRuntime } from './vip-summary.js';

/** What virtual services and pools show of themselves at run time: `vip_runtime`, joined runtime. */
@Injectable()
export class RuntimeHooks {
  constructor(hooks: HookRegistry, reader: RuntimeReader) {
    hooks.register('virtualservice', {
      decorate: async (objects) => {
        const state = await reader.read([]);
        return new Map(
          objects.map((o): [string, Spec] => [
            o.uuid,
            { vip_runtime: state.virtualService(o).vips.map(vipRuntime), version: String(o.generation) },
          ]),
        );
      },
      runtime: async (objects) => {
        const state = await reader.read();
        return new Map(
          objects.map((o) => {
            const view = state.virtualService(o);
            return [o.uuid, { oper_status: showStatus(view.status) }];
          }),
        );
      },
    });
    hooks.register('pool', {
      runtime: async (objects) => {
        const state = await reader.read(objects.map((o) => o.uuid));
        return new Map(objects.map((o) => [o.uuid, { oper_status: showStatus(state.pool(o).status) }]));
      },
    });
  }
}
