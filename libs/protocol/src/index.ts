export * as health from './generated/grpc/health/v1/health.js';
export * as se from './generated/spillway/se/v1/channel.js';
export * as status from './generated/spillway/status/v1/status.js';
