export { type AuthorityStore, DatabaseAuthorityStore, type StoredAuthority } from './authority-store.js';
export { type KeyAndCertificate, replaceFile } from './certificate-files.js';
export { outsiderOf, serviceEngineOf, serviceEngineUri } from './identity.js';
export { PkiService, type PkiSettings, type ServiceEngineCertificate } from './pki.service.js';
export { loadSecretKey, seal, SecretError, unseal } from './seal.js';
