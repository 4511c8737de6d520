import type { SeRuntime } from '../database/entities/index.js';
import { status, type OperStatus } from './oper-status.js';

type Json = Record<string, unknown>;

/** The state of an SE: disabled where it is, else as its channel says. */
export function seStatus(enableState: string, runtime: SeRuntime | undefined): OperStatus {
  const changedAt = runtime?.changed_at ?? undefined;
  if (runtime === undefined)
    return status('OPER_DOWN', ['it has never connected'], { code: 'NEVER_CONNECTED' });
  if (runtime.oper_state === 'OPER_DISABLING')
    return status('OPER_DISABLING', ['it is stopping'], { changedAt });
  const up = runtime.oper_state === 'OPER_UP';
  if (enableState === 'disabled')
    return status('OPER_DISABLED', up ? [] : [runtime.oper_reason || 'it is down'], { changedAt });
  if (!up)
    return status('OPER_DOWN', [runtime.oper_reason || 'it is not connected'], {
      code: 'SE_DOWN',
      changedAt,
    });
  const away = runtime.connected ? [] : ['its channel is interrupted'];
  const nack = runtime.last_nack;
  const refused =
    nack === null
      ? []
      : [`it refused generation ${String(nack['generation'])}: ${String(nack['reason'] ?? nack['code'])}`];
  return status('OPER_UP', [...away, ...refused], { changedAt });
}

const number = (from: Readonly<Json> | null | undefined, key: string): number | undefined => {
  const value = from?.[key];
  const parsed = typeof value === 'string' ? Number(value) : value;
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined;
};

/** CPU, memory, connections, configuration and advice of an SE, as it said last. */
export function seFigures(runtime: SeRuntime | undefined): Json {
  if (runtime === undefined) return { se_connected: false };
  const { heartbeat, host } = runtime;
  const used = number(heartbeat, 'memoryUsedBytes');
  const total = number(heartbeat, 'memoryTotalBytes');
  const figures: Json = {
    se_connected: runtime.connected,
    power_state: runtime.connected ? 'SE_POWER_ON' : undefined,
    version: runtime.version,
    cpu_percent: number(heartbeat, 'cpuPercent'),
    memory_used_bytes: used,
    memory_total_bytes: total,
    memory_percent: used !== undefined && total ? Math.round((1000 * used) / total) / 10 : undefined,
    open_connections: number(heartbeat, 'openConnections'),
    workers: heartbeat?.['workers'],
    epoch: Number(runtime.epoch),
    generation: Number(runtime.generation),
    hostname: host['hostname'],
    cores: host['cores'],
    advice: runtime.advice.length === 0 ? undefined : runtime.advice,
    distribution_modes: runtime.modes.length === 0 ? undefined : runtime.modes,
    last_nack: runtime.last_nack ?? undefined,
    last_seen: runtime.last_seen?.toISOString(),
  };
  return Object.fromEntries(Object.entries(figures).filter(([, v]) => v !== undefined && v !== ''));
}
