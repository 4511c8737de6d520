import { Injectable } from '@nestjs/common';
import { type Metadata, status as Code } from '@grpc/grpc-js';
import type { PeerCertificate } from 'node:tls';
import { ApiError } from '../errors.js';
import { Authenticator } from '../identity/authenticator.js';
import { principalOf } from '../identity/principal.js';
import { outsiderOf, serviceEngineOf } from '../pki/index.js';
import { ObjectCache } from '../store/index.js';
import type { Entry } from './picture.js';

/** Who asks for status: which entries they may see. */
export type Viewer = (entry: Entry) => boolean;

/** The part of a call that says who calls. */
export interface Caller {
  metadata: Metadata;
  getPeer(): string;
  getAuthContext(): { sslPeerCertificate?: PeerCertificate };
}

/** A call that is not allowed, as gRPC has it. */
export class CallRefused extends Error {
  constructor(
    readonly code: Code,
    readonly details: string,
  ) {
    super(details);
    this.name = 'CallRefused';
  }
}

const EVERYTHING: Viewer = () => true;

/** Lets calls in: a client certificate of the cluster, or an API token in `authorization: Bearer <token>`. */
@Injectable()
export class Viewers {
  constructor(
    private readonly cache: ObjectCache,
    private readonly authenticator: Authenticator,
  ) {}

  /** Throws `CallRefused`. */
  async of(call: Caller): Promise<Viewer> {
    const { sslPeerCertificate: certificate } = call.getAuthContext();
    const { clusterUuid } = this.cache;
    if (outsiderOf(certificate, clusterUuid) !== undefined) return EVERYTHING;
    if (serviceEngineOf(certificate, clusterUuid) !== undefined) return EVERYTHING;
    const [scheme = '', token = ''] = String(call.metadata.get('authorization')[0] ?? '').split(/\s+/, 2);
    if (!/^(bearer|token)$/i.test(scheme) || token === '')
      throw new CallRefused(
        Code.UNAUTHENTICATED,
        'a client certificate (status-client.pem) or an API token in the metadata (authorization: Bearer TOKEN, from POST /api/user-token) is needed',
      );
    return this.#byToken(token, call.getPeer().replace(/:\d+$/, ''));
  }

  async #byToken(token: string, address: string): Promise<Viewer> {
    try {
      const user = await this.authenticator.byToken(token, address);
      const principal = principalOf(user, this.cache);
      return (entry) => principal.can(entry.kind, 'read', entry.tenantUuid);
    } catch (err) {
      if (!(err instanceof ApiError)) throw err;
      const wait = err.status === 429;
      throw new CallRefused(wait ? Code.RESOURCE_EXHAUSTED : Code.UNAUTHENTICATED, err.message);
    }
  }
}
