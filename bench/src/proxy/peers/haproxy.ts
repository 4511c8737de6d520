import type { Certificates } from '../host/certificates.js';
import type { Tuning } from '../workloads.js';
import { ORIGIN_PORTS, portOf } from './ports.js';

const BUFFERS: Record<Tuning, string> = { default: '', '64k': 'tune.bufsize 65536' };

/**
 * One thread that does what the virtual service of the bench does; see `nginx.ts`. With 64 KiB buffers no splicing:
 * on loopback it made HAProxy slower.
 */
export const haproxyConf = (tuning: Tuning, { bundles, ca }: Certificates, files: number): string => `
global
  nbthread 1
  maxconn ${Math.floor((files - 200) / 2)}
  tune.ssl.default-dh-param 2048
  ssl-default-bind-options ssl-min-ver TLSv1.2
  ${BUFFERS[tuning]}
defaults
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-request 30s
  timeout http-keep-alive 600s
frontend http
  mode http
  bind 127.0.0.1:${portOf('haproxy', 'http')} backlog 4096
  bind 127.0.0.1:${portOf('haproxy', 'tls')} backlog 4096 ssl crt ${bundles} ca-file ${ca} verify optional
  bind 127.0.0.1:${portOf('haproxy', 'h2')} backlog 4096 proto h2
  option forwardfor
  default_backend servers
backend servers
  mode http
  balance leastconn
  http-reuse always
  ${ORIGIN_PORTS.map((port, i) => `server s${i} 127.0.0.1:${port}`).join('\n  ')}
listen tcp
  mode tcp
  bind 127.0.0.1:${portOf('haproxy', 'tcp')} backlog 4096
  balance leastconn
  ${ORIGIN_PORTS.map((port, i) => `server s${i} 127.0.0.1:${port}`).join('\n  ')}
`;
