import type { HttpProfile } from '@spillway/snapshot';
import type { ServiceConfig } from '../core/service.js';

/** Stands in for a virtual service that has just become an L4 one; its HTTP connections end with their request. */
const FALLBACK: HttpProfile = {
  xff_enabled: true,
  keepalive_timeout: 1000,
  client_header_timeout: 1000,
  client_body_timeout: 30_000,
  server_response_timeout: 60_000,
  max_header_size: 49_152,
  max_header_count: 256,
  max_body_size: 0,
  server_idle_timeout: 1000,
};

export function profileOf(config: ServiceConfig): HttpProfile {
  const { application } = config.spec;
  return application.type === 'http' ? application.http : FALLBACK;
}
