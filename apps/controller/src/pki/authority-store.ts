import type { DataSource } from 'typeorm';
import { ClusterState } from '../database/entities/index.js';

/** The cluster's authority as it is stored: the certificate, and its key sealed. */
export interface StoredAuthority {
  certificatePem: string;
  keySealed: Buffer;
}

export interface AuthorityStore {
  clusterUuid(): Promise<string>;
  load(): Promise<StoredAuthority | undefined>;
  /** Stores it unless another replica was first; returns what is stored. */
  saveOnce(authority: StoredAuthority): Promise<StoredAuthority>;
}

/** In `cluster_state`. */
export class DatabaseAuthorityStore implements AuthorityStore {
  constructor(private readonly dataSource: DataSource) {}

  async clusterUuid(): Promise<string> {
    return (await this.#row()).cluster_uuid;
  }

  async load(): Promise<StoredAuthority | undefined> {
    const row = await this.#row();
    if (row.ca_certificate_pem === null || row.ca_key_sealed === null) return undefined;
    return { certificatePem: row.ca_certificate_pem, keySealed: row.ca_key_sealed };
  }

  async saveOnce(authority: StoredAuthority): Promise<StoredAuthority> {
    await this.dataSource.query(
      'UPDATE cluster_state SET ca_certificate_pem = $1, ca_key_sealed = $2 WHERE id = 1 AND ca_certificate_pem IS NULL',
      [authority.certificatePem, authority.keySealed],
    );
    const stored = await this.load();
    if (stored === undefined) throw new Error('cluster_state did not keep the certificate authority');
    return stored;
  }

  async #row(): Promise<ClusterState> {
    return this.dataSource.getRepository(ClusterState).findOneByOrFail({ id: 1 });
  }
}
