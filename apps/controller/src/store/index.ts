export { ObjectCache } from './object-cache.js';
export { ObjectStore } from './object-store.js';
export { StoreTransaction, type NewObject } from './store-transaction.js';
export type { Change, ChangeType, ObjectView, Referrer, Spec, StoredObject } from './types.js';
export { ADMIN_TENANT } from './identity-of.js';
export {
  HookRegistry,
  type KindHooks,
  type ObjectWrite,
  type Prepared,
  type WriteContext,
} from './kind-hooks.js';
export { isSealed, SecretBox } from './secret-box.js';
