import { isDeepStrictEqual } from 'node:util';
import type { Certificate, Pool, Snapshot, VirtualService } from '@spillway/snapshot';
import { ClientContext } from './client-contexts.js';
import { ServerContexts } from './server-contexts.js';
import { wireHere } from './wire.js';

/** Why something that needs TLS cannot be served; the rest of the configuration is. */
export interface TlsProblem {
  readonly code: string;
  readonly message: string;
}

/** TLS of one virtual service: what serves, and what is wrong with what was asked for. */
export interface CompiledServerTls {
  /** Null without TLS, and where there was never one that could be had. */
  readonly contexts: ServerContexts | null;
  readonly problem: TlsProblem | null;
}

const NONE: CompiledServerTls = { contexts: null, problem: null };

const same = (a: unknown, b: unknown): boolean => a === b || isDeepStrictEqual(a, b);

/**
 * The contexts of a virtual service: those it had when nothing has changed, and those it had too when the new ones
 * cannot be made.
 */
export function compileServerTls(
  spec: VirtualService,
  snapshot: Snapshot,
  before: CompiledServerTls | undefined,
): CompiledServerTls {
  const { tls } = spec;
  if (tls === undefined) return NONE;
  const old = before?.contexts ?? null;
  const known = certificatesOf(snapshot);
  const certificates = tls.certificate_uuids.map((uuid) => known.get(uuid)!);
  const keys = snapshot.ticket_keys?.find((t) => t.virtual_service_uuid === spec.uuid)?.keys ?? [];
  try {
    const unchanged = old !== null && same(old.spec, tls) && same(old.certificates, certificates);
    const contexts = unchanged ? old : new ServerContexts(wireHere(), tls, certificates, spec.uuid);
    contexts.useTickets(keys);
    return { contexts, problem: null };
  } catch (error) {
    return { contexts: old, problem: problemOf(error) };
  }
}

/** TLS to the servers of a pool. */
export interface CompiledClientTls {
  readonly context: ClientContext | null;
  readonly problem: TlsProblem | null;
}

const NO_CLIENT: CompiledClientTls = { context: null, problem: null };

export function compileClientTls(
  spec: Pool,
  snapshot: Snapshot,
  before: CompiledClientTls | undefined,
): CompiledClientTls {
  const { tls } = spec;
  if (tls === undefined) return NO_CLIENT;
  const old = before?.context ?? null;
  const protocols = spec.enable_http2 === true ? ['h2'] : [];
  const certificate =
    tls.certificate_uuid === undefined ? null : (certificatesOf(snapshot).get(tls.certificate_uuid) ?? null);
  if (
    before !== undefined &&
    old !== null &&
    same(old.spec, tls) &&
    same(old.certificate, certificate) &&
    same(old.protocols, protocols)
  )
    return before;
  try {
    return { context: new ClientContext(wireHere(), tls, certificate, protocols), problem: null };
  } catch (error) {
    return { context: null, problem: problemOf(error) };
  }
}

const maps = new WeakMap<Snapshot, Map<string, Certificate>>();

function certificatesOf(snapshot: Snapshot): Map<string, Certificate> {
  let map = maps.get(snapshot);
  if (map === undefined) {
    map = new Map((snapshot.certificates ?? []).map((c) => [c.uuid, c]));
    maps.set(snapshot, map);
  }
  return map;
}

function problemOf(error: unknown): TlsProblem {
  const message = error instanceof Error ? error.message : String(error);
  const code =
    typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
      ? error.code
      : 'TLS_FAILED';
  return { code, message };
}
