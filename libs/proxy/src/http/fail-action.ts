import { localBody, type FailAction as Spec } from '@spillway/snapshot';
import { OWN_BY } from '@spillway/telemetry';
import type { Pool } from '../core/pool.js';
import { type OwnResponse, phraseOf } from './own-response.js';

/**
 * What becomes of new requests and connections that nobody of a pool, or of a pool group, can serve (pools document,
 * Fail Action). What is under way is left alone.
 */
export class FailAction {
  /** Who serves in its place; null when that is nobody, and before `link`. */
  backup: Pool | null = null;
  /** What requests are answered; null: their connection is closed, as those of L4 always are. */
  readonly response: OwnResponse | null;
  /** Nobody has uploaded a page for it: error pages of the virtual service may take its place. */
  readonly basic: boolean;

  private constructor(private readonly spec: Spec) {
    this.response = responseOf(spec);
    this.basic = spec.type === 'respond' && localBody(spec.response).length === 0;
  }

  /** Null for none: requests are told why they cannot be served. */
  static of(spec: Spec | undefined): FailAction | null {
    return spec === undefined ? null : new FailAction(spec);
  }

  /** The pools of the configuration that begins. */
  link(poolOf: (uuid: string) => Pool | null): void {
    if (this.spec.type === 'backup_pool') this.backup = poolOf(this.spec.pool_uuid);
  }
}

function responseOf(spec: Spec): OwnResponse | null {
  const why = OWN_BY.NO_SERVER;
  switch (spec.type) {
    case 'redirect':
      return { status: spec.status, fields: [['Location', spec.location]], body: new Uint8Array(0), why };
    case 'respond': {
      const { status, content_type: type = 'text/html; charset=utf-8' } = spec.response;
      const uploaded = localBody(spec.response);
      const body = uploaded.length > 0 ? uploaded : basicPage(status);
      return { status, fields: [['Content-Type', type]], body, why };
    }
    case 'close':
    case 'backup_pool':
    default:
      return null;
  }
}

function basicPage(status: number): Uint8Array {
  const text = `${status} ${phraseOf(status)}`;
  return Buffer.from(`<!doctype html>\n<title>${text}</title>\n<h1>${text}</h1>\n`);
}
