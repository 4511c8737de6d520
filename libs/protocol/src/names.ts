/**
 * A DNS name that every controller certificate holds. A client that has the cluster's CA verifies it whatever address
 * it dials, so that addresses may be literal, translated, or changed: grpc-js on Node refuses an IP literal as the
 * name of a TLS server.
 */
export const CONTROLLER_NAME = 'spillway-controller';

/** Channel options of a gRPC client that verifies a controller by that name. */
export const CONTROLLER_CHANNEL_OPTIONS = {
  'grpc.ssl_target_name_override': CONTROLLER_NAME,
  'grpc.default_authority': CONTROLLER_NAME,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
} as const;
