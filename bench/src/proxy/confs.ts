/** 100 bytes. */
const BODY =
  'hello world, this is a small response body of about one hundred bytes, which is fairly usual, ok ok\n';

const events = (dir: string, name: string): string =>
  `worker_processes 1; daemon off; pid ${dir}/${name}.pid; error_log ${dir}/${name}.err crit;\n` +
  `events { worker_connections 19000; }\n`;

/** Origin servers: one nginx worker that listens on all ports. Answers `/` with 100 bytes and files below `www`. */
export const originConf = (dir: string, ports: number[]): string =>
  `${events(dir, 'origin')}http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;\n` +
  ` sendfile on; tcp_nopush on; open_file_cache max=100 inactive=600s; open_file_cache_valid 600s;\n` +
  ` client_body_temp_path ${dir}/o1; proxy_temp_path ${dir}/o2; fastcgi_temp_path ${dir}/o3; uwsgi_temp_path ${dir}/o4; scgi_temp_path ${dir}/o5;\n` +
  ` server { ${ports.map((p) => `listen 127.0.0.1:${p} backlog=4096;`).join(' ')} root ${dir}/www;\n` +
  `  location = / { default_type text/plain; return 200 "${BODY}"; } } }\n`;

/** nginx as the proxy to compare with: as many workers, the same servers, kept connections. */
export const nginxConf = (dir: string, port: number, servers: number[]): string =>
  `${events(dir, 'nginx')}http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;\n` +
  ` client_body_temp_path ${dir}/n1; proxy_temp_path ${dir}/n2; fastcgi_temp_path ${dir}/n3; uwsgi_temp_path ${dir}/n4; scgi_temp_path ${dir}/n5;\n` +
  ` upstream u { least_conn; ${servers.map((p) => `server 127.0.0.1:${p};`).join(' ')} keepalive 1024; keepalive_requests 1000000000; }\n` +
  ` server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://u; proxy_http_version 1.1;\n` +
  `  proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } } }\n`;
