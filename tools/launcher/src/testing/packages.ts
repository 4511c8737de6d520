import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A Debian package that some test needs as a real counterpart, and the file that shows it is there. */
interface TestPackage {
  package: string;
  file: string;
  why: string;
}

const needed: TestPackage[] = [
  { package: 'iproute2', file: 'ip', why: 'brings up the interfaces of the network namespace of the run' },
  { package: 'procps', file: 'sysctl', why: 'tests set sysctls in namespaces of their own' },
  { package: 'iputils-ping', file: 'ping', why: 'the ping monitor runs it' },
  { package: 'openssl', file: 'openssl', why: 'makes the certificates of servers that are checked' },
  { package: 'curl', file: 'curl', why: 'a client of metrics and examples that is not ours' },
  {
    package: 'varnish',
    file: 'varnishtest',
    why: 'plays scripts of HTTP/1 and HTTP/2 as client and origin of an SE',
  },
  {
    package: 'nghttp2-client',
    file: 'h2load',
    why: 'an HTTP/2 client that is not ours, many streams at once',
  },
  {
    package: 'python3-requests',
    file: '/usr/lib/python3/dist-packages/requests/__init__.py',
    why: 'a client of virtual services that is not ours',
  },
  {
    package: 'python3-httpx',
    file: '/usr/lib/python3/dist-packages/httpx/__init__.py',
    why: 'with python3-h2 an HTTP/2 client that is not ours',
  },
  {
    package: 'python3-h2',
    file: '/usr/lib/python3/dist-packages/h2/__init__.py',
    why: 'HTTP/2 for python3-httpx',
  },
  { package: 'slowhttptest', file: 'slowhttptest', why: 'clients that crawl, and are not ours' },
  { package: 'nginx', file: 'nginx', why: 'a peer in the short form of the bench' },
  { package: 'haproxy', file: 'haproxy', why: 'a peer in the short form of the bench' },
  { package: 'linux-perf', file: 'perf', why: 'counts instructions for the bench' },
  { package: 'gcc', file: 'gcc', why: 'builds the load generator and the origin of the bench' },
  { package: 'libc6-dev', file: '/usr/include/stdio.h', why: 'headers of what gcc builds' },
  { package: 'libssl-dev', file: '/usr/include/openssl/ssl.h', why: 'headers of what gcc builds' },
  { package: 'git', file: 'git', why: 'tells what is part of the checkout' },
  { package: 'redis-server', file: 'redis-server', why: 'queue tests run on Redis as well as on PostgreSQL' },
  {
    package: 'ansible',
    file: 'ansible-playbook',
    why: 'its avi_* modules are the conformance clients of the API',
  },
  {
    package: 'python3-grpcio',
    file: '/usr/lib/python3/dist-packages/grpc/__init__.py',
    why: 'a foreign gRPC client for the health service',
  },
  { package: 'docker-compose', file: 'docker-compose', why: 'checks docker-compose.yml with `config`' },
];

function present({ file }: TestPackage): boolean {
  return file.startsWith('/') ? existsSync(file) : hasProgram(file);
}

/** Whether a program of this name is installed. */
export function hasProgram(file: string): boolean {
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`;
  return path.split(':').some((directory) => existsSync(`${directory}/${file}`));
}

/**
 * Installs what tests need from the system's packages, as root on Debian and Ubuntu. Elsewhere, and when the
 * mirror cannot be reached, it names what is missing: the tests that need it then say so themselves.
 */
export function installTestPackages(): void {
  const missing = needed.filter((one) => !present(one));
  if (missing.length === 0) return;
  const names = missing.map((one) => one.package);
  const apt = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (apt) {
    console.log(`Installing for the tests: ${names.join(' ')}`);
    const install = ['install', '-qq', '-y', '--no-install-recommends', ...names];
    if (!aptGet(install)) {
      aptGet(['update', '-qq']);
      aptGet(install);
    }
  }
  for (const one of missing.filter((each) => !present(each)))
    console.log(`Missing: ${one.package} (${one.why})${apt ? '' : `; apt-get install ${one.package}`}`);
}

function aptGet(args: string[]): boolean {
  const { status } = spawnSync('apt-get', args, {
    // At this run level no package starts its daemon.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    stdio: ['ignore', 'ignore', 'ignore'],
    timeout: 300_000,
  });
  return status === 0;
}
