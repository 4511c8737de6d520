import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { applyDefaults } from '@spillway/model';
import { DataSource, type EntityManager } from 'typeorm';
import { Endpoints } from '../config/endpoints.js';
import { ApiError, errors } from '../errors.js';
import { digest, sameText } from '../identity/secrets.js';
import { PkiService, type ServiceEngineCertificate } from '../pki/index.js';
import { ADMIN_TENANT, ObjectCache, ObjectStore, type StoreTransaction } from '../store/index.js';

export interface TokenRequest {
  seGroupUuid: string;
  cloudUuid: string;
  /** The name that the SE gets; empty: it brings its own. An SE of that name enrols again. */
  name: string;
  /** Milliseconds. */
  ttl: number;
}

export interface EnrolmentRequest {
  token: string;
  csrPem: string;
  /** What the SE calls itself, where the token names nobody. */
  seName: string;
}

export interface Enrolled {
  se_uuid: string;
  se_name: string;
  certificate_pem: string;
  ca_pem: string;
  grpc: string;
}

interface TokenRow {
  se_group_uuid: string;
  cloud_uuid: string;
  se_name: string;
  se_uuid: string;
  used: boolean;
}

/** Takes the token, once: of two that come at the same time the second waits here and finds it used. */
const TAKE = `
SELECT se_group_uuid, cloud_uuid, se_name, se_uuid, used_at IS NOT NULL AS used FROM enrolment_token
WHERE token_hash = $1 AND expires_at > clock_timestamp() FOR UPDATE`;

const USED = 'UPDATE enrolment_token SET used_at = clock_timestamp(), se_uuid = $2 WHERE token_hash = $1';

const RECORD = `
INSERT INTO se_runtime (se_uuid, public_key_fingerprint, certificate_serial, certificate_not_after)
VALUES ($1, $2, $3, $4)
ON CONFLICT (se_uuid) DO UPDATE SET public_key_fingerprint = $2, certificate_serial = $3, certificate_not_after = $4`;

const refused = (): ApiError =>
  new ApiError(
    401,
    'ENROLMENT_REFUSED',
    'The enrolment token is unknown, used or expired. POST /api/se-enrolment/token gives a new one.',
  );

/** How SEs become known: a one-time token buys the first certificate, the key of the last one buys a later one. */
@Injectable()
export class EnrolmentService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly store: ObjectStore,
    private readonly cache: ObjectCache,
    private readonly pki: PkiService,
    private readonly endpoints: Endpoints,
  ) {}

  /** A token `id.secret.<sha256 of the CA certificate>`; its hash alone is stored. */
  async createToken(request: TokenRequest): Promise<{ token: string; expiresAt: Date }> {
    const secret = `${randomBytes(6).toString('hex')}.${randomBytes(24).toString('base64url')}`;
    const expiresAt = new Date(Date.now() + request.ttl);
    const known = request.name === '' ? undefined : this.#named(request.name, request.cloudUuid);
    await this.dataSource.query(
      `INSERT INTO enrolment_token (token_hash, se_group_uuid, cloud_uuid, se_name, se_uuid, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [digest(secret), request.seGroupUuid, request.cloudUuid, request.name, known ?? '', expiresAt],
    );
    return { token: `${secret}.${await this.pki.caFingerprint()}`, expiresAt };
  }

  /** Makes the SE's object where it is new, and its certificate. Throws a 401 that does not say what was wrong. */
  async enrol(request: EnrolmentRequest): Promise<Enrolled> {
    const [id = '', secret = '', pin = ''] = request.token.split('.');
    if (!sameText(pin.toLowerCase(), await this.pki.caFingerprint())) throw refused();
    const hash = digest(`${id}.${secret}`);
    const fingerprint = await this.pki.requestFingerprint(request.csrPem);
    let enrolled: { seUuid: string; seName: string } | undefined;
    let certificate: ServiceEngineCertificate | undefined;
    await this.store.transaction(async (tx) => {
      const token = await this.#take(tx.manager, hash, fingerprint);
      enrolled = await this.#object(tx, token, request);
      certificate = await this.pki.signServiceEngine(request.csrPem, enrolled.seUuid);
      await tx.manager.query(USED, [hash, enrolled.seUuid]);
      await this.#record(tx.manager, enrolled.seUuid, certificate);
    });
    if (enrolled === undefined || certificate === undefined) throw refused();
    return this.#reply(enrolled.seUuid, enrolled.seName, certificate);
  }

  /** A certificate for an SE whose own ran out, on the strength of the key that the last one was issued for. */
  async renew(seUuid: string, csrPem: string): Promise<Enrolled> {
    const fingerprint = await this.pki.requestFingerprint(csrPem);
    const [row]: { public_key_fingerprint: string }[] = await this.dataSource.query(
      'SELECT public_key_fingerprint FROM se_runtime WHERE se_uuid = $1',
      [seUuid],
    );
    const object = this.cache.get(seUuid);
    if (object?.kind !== 'serviceengine' || !sameText(row?.public_key_fingerprint ?? '', fingerprint))
      throw new ApiError(
        401,
        'RENEWAL_REFUSED',
        'No service engine of that uuid enrolled with this key. Enrol it again with a new token.',
      );
    const certificate = await this.pki.signServiceEngine(csrPem, seUuid);
    await this.#record(this.dataSource.manager, seUuid, certificate);
    return this.#reply(seUuid, object.name, certificate);
  }

  /** A token that was used buys the same again for the same key: the first answer may have been lost. */
  async #take(manager: EntityManager, hash: string, fingerprint: string): Promise<TokenRow> {
    const [row]: TokenRow[] = await manager.query(TAKE, [hash]);
    if (row === undefined) throw refused();
    if (!row.used) return row;
    const [known]: { public_key_fingerprint: string }[] = await manager.query(
      'SELECT public_key_fingerprint FROM se_runtime WHERE se_uuid = $1',
      [row.se_uuid],
    );
    if (known === undefined || !sameText(known.public_key_fingerprint, fingerprint)) throw refused();
    return row;
  }

  async #object(
    tx: StoreTransaction,
    token: TokenRow,
    request: EnrolmentRequest,
  ): Promise<{ seUuid: string; seName: string }> {
    const known = token.se_uuid === '' ? undefined : tx.get(token.se_uuid);
    if (known !== undefined) return { seUuid: known.uuid, seName: known.name };
    if (token.used) throw refused();
    const seName = token.se_name || request.seName;
    if (seName === '')
      throw errors.badRequest(
        'SE_NAME_MISSING',
        'se_name is needed, since the token names no service engine.',
      );
    if (tx.byName('serviceengine', seName).some((o) => o.scopeUuid === token.cloud_uuid))
      throw errors.conflict(
        `ServiceEngine ${seName} exists already. Delete it first, set another SPILLWAY_SE_NAME, or take a token with that name to enrol it again.`,
        seName,
      );
    const created = await tx.create(
      'serviceengine',
      {
        ...applyDefaults('serviceengine', {
          name: seName,
          tenant_ref: ADMIN_TENANT,
          cloud_ref: token.cloud_uuid,
          se_group_ref: token.se_group_uuid,
        }),
      },
      { uuid: token.se_uuid || `serviceengine-${randomUUID()}` },
    );
    return { seUuid: created.uuid, seName };
  }

  async #record(
    manager: EntityManager,
    seUuid: string,
    certificate: ServiceEngineCertificate,
  ): Promise<void> {
    await manager.query(RECORD, [
      seUuid,
      certificate.publicKeyFingerprint,
      certificate.serial,
      certificate.notAfter,
    ]);
  }

  async #reply(seUuid: string, seName: string, certificate: ServiceEngineCertificate): Promise<Enrolled> {
    return {
      se_uuid: seUuid,
      se_name: seName,
      certificate_pem: certificate.certificatePem,
      ca_pem: await this.pki.caPem(),
      grpc: this.endpoints.all().grpc ?? '',
    };
  }

  #named(name: string, cloudUuid: string): string | undefined {
    return this.cache.byName('serviceengine', name).find((o) => o.scopeUuid === cloudUuid)?.uuid;
  }
}
