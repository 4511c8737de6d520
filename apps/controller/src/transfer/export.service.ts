import { Inject, Injectable } from '@nestjs/common';
import { isKind, kindNames, redact } from '@spillway/model';
import { DataSource } from 'typeorm';
import { SETTINGS, type Settings } from '../config/settings.js';
import { SeRuntime, UserCredential } from '../database/entities/index.js';
import { DatabaseAuthorityStore, loadSecretKey, unseal } from '../pki/index.js';
import { ObjectCache, SecretBox, type Spec, type StoredObject } from '../store/index.js';
import { API_VERSION } from '../version.js';
import { FORMAT, type ConfigurationDocument } from './document.js';
import { sealPart, type SecretPart } from './sealed-part.js';

/** How the authority's key is sealed in `cluster_state`. */
export const CA_KEY_CONTEXT = "the certificate authority's key";

/** Writes all configuration into one document. */
@Injectable()
export class ExportService {
  constructor(
    private readonly cache: ObjectCache,
    private readonly secrets: SecretBox,
    private readonly dataSource: DataSource,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** Secrets go along only with a passphrase, sealed by it. */
  async export(passphrase: string | undefined): Promise<ConfigurationDocument> {
    const objects = kindNames().flatMap((kind) => [...this.cache.byKind(kind)]);
    const document: ConfigurationDocument = {
      format: FORMAT,
      version: 1,
      exported_at: new Date().toISOString(),
      api_version: API_VERSION,
      epoch: this.cache.epoch,
      generation: this.cache.generation,
      objects: objects.map((object) => ({
        kind: object.kind,
        uuid: object.uuid,
        system_default: object.systemDefault,
        spec: open(object),
      })),
    };
    return passphrase === undefined
      ? document
      : { ...document, sealed: sealPart(await this.secretPart(objects), passphrase) };
  }

  private async secretPart(objects: readonly StoredObject[]): Promise<SecretPart> {
    const authority = await new DatabaseAuthorityStore(this.dataSource).load();
    if (!authority) throw new Error('the cluster has no certificate authority yet');
    const key = unseal(loadSecretKey(this.settings.secretKeyFile), authority.keySealed, CA_KEY_CONTEXT);
    const credentials = await this.dataSource.getRepository(UserCredential).find();
    const engines = await this.dataSource.getRepository(SeRuntime).find();
    return {
      specs: Object.fromEntries(
        objects
          .filter((object) => JSON.stringify(open(object)) !== JSON.stringify(object.spec))
          .map((object) => [object.uuid, this.secrets.openSpec(object.kind, object.uuid, object.spec)]),
      ),
      credentials: credentials.map(({ user_uuid, password_hash }) => ({ user_uuid, password_hash })),
      identity: {
        cluster_uuid: this.cache.clusterUuid,
        ca_certificate_pem: authority.certificatePem,
        ca_key: key.toString('base64'),
        service_engines: engines.map(({ se_uuid, public_key_fingerprint }) => ({
          se_uuid,
          public_key_fingerprint,
        })),
      },
    };
  }
}

const open = (object: StoredObject): Spec => (isKind(object.kind) ? redact(object.kind, object.spec) : {});
