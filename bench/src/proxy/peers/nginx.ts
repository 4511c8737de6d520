import type { Certificates } from '../host/certificates.js';
import type { Tuning } from '../workloads.js';
import { ORIGIN_PORTS, portOf } from './ports.js';

const BUFFERS: Record<Tuning, string> = {
  default: '',
  '64k': 'proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;',
};

/** A server per name; what the listener itself is told, it is told once. */
const tls = ({ names, ca }: Certificates): string =>
  names
    .map(
      ({ name, certificate, key }, i) => `
  server {
    listen 127.0.0.1:${portOf('nginx', 'tls')} ssl${i === 0 ? ' backlog=4096 reuseport' : ''};
    server_name ${name};
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_client_certificate ${ca};
    ssl_verify_client optional;
    include proxy.conf;
  }`,
    )
    .join('');

/**
 * One worker that does what the virtual service of the bench does: four servers by least connections, kept connections
 * to them, the client's address added, no access log, no health checks. TLS 1.2 and 1.3 with a certificate per name,
 * client certificates possible, tickets on.
 */
export const nginxConf = (dir: string, certificates: Certificates, files: number): string => `
worker_processes 1;
daemon off;
pid ${dir}/nginx.pid;
error_log ${dir}/nginx.err crit;
events { worker_connections ${files - 200}; }
http {
  access_log off;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  client_body_temp_path ${dir}/n1; proxy_temp_path ${dir}/n2;
  fastcgi_temp_path ${dir}/n3; uwsgi_temp_path ${dir}/n4; scgi_temp_path ${dir}/n5;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:10m;
  ssl_session_tickets on;
  upstream servers {
    least_conn;
    ${ORIGIN_PORTS.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(' ')}
    keepalive 1024;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }
  server { listen 127.0.0.1:${portOf('nginx', 'http')} backlog=4096 reuseport; include proxy.conf; }
  server { listen 127.0.0.1:${portOf('nginx', 'h2')} backlog=4096 reuseport http2; http2_max_concurrent_streams 256; include proxy.conf; }${tls(certificates)}
}
`;

/** Included by each server. */
export const nginxProxy = (tuning: Tuning): string => `
location / {
  ${BUFFERS[tuning]}
  proxy_pass http://servers;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
}
`;
