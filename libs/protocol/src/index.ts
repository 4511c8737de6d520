export * as health from './generated/grpc/health/v1/health.js';
export * as reflection from './generated/grpc/reflection/v1/reflection.js';
export * as reflectionV1alpha from './generated/grpc/reflection/v1alpha/reflection.js';
export * as se from './generated/spillway/se/v1/channel.js';
export * as status from './generated/spillway/status/v1/status.js';
export { FILE_DESCRIPTOR_SET } from './generated/descriptors.js';
export { type ConfigChange, PART_BYTES, splitConfig, UpdateCollector } from './parts.js';
export { ownScopes, processRuns, type Scopes } from './scopes.js';
export { CONTROLLER_CHANNEL_OPTIONS, CONTROLLER_NAME } from './names.js';
