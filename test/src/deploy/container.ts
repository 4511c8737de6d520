import { existsSync, readFileSync } from 'node:fs';
import {
  type Completed,
  eventually,
  type Exit,
  identify,
  isAlive,
  type Netns,
  type ProcessIdentity,
  run,
  RunningProcess,
  type Scope,
} from '@spillway/testing';
import { SYSTEM } from './images.js';

/** What a container engine would be told, as far as it matters to what runs inside. */
export interface ContainerOptions {
  name: string;
  /** File tree; shared by all containers of an image, which therefore must not write to it. */
  root: string;
  command: string[];
  environment: Record<string, string>;
  /** `uid:gid` */
  user: string;
  netns: Netns;
  /** Container whose pid and ipc namespaces this one joins. */
  joins?: Container;
  /** Host directory that is `/dev/shm`. */
  shm: string;
  /** Path inside to path of the host; `ro` where the path inside ends in `:ro`. */
  volumes: Record<string, string>;
  /** Host file that is `/etc/hosts`. */
  hosts: string;
  logFile: string;
  /** Capabilities that the command keeps although it is not root, as `net_admin`. */
  capabilities?: string[];
  /** A small first process that passes signals on and reaps, as `init: true` asks for. */
  init?: boolean;
}

const INIT = `"$@" & child=$!; trap 'kill -TERM $child' TERM INT; while kill -0 $child 2>/dev/null; do wait; done`;

/**
 * A process tree as a container engine sets it up: own mounts over an image's file tree, namespaces, one
 * unprivileged account, and the given environment alone.
 */
export class Container {
  private constructor(
    readonly options: ContainerOptions,
    /** The helper outside that waits for the container. */
    readonly outer: RunningProcess,
    /** Its first process, by the pid that this process sees. */
    readonly main: ProcessIdentity,
  ) {}

  static async start(scope: Scope, options: ContainerOptions): Promise<Container> {
    const { name, netns, joins, logFile } = options;
    const namespaces = joins
      ? ['nsenter', '--target', String(joins.main.pid), '--net', '--pid', '--ipc', '--', 'unshare', '--mount']
      : ['unshare', '--pid', '--fork', '--kill-child', '--ipc', '--uts', '--mount'];
    const [program = '', ...args] = [...namespaces, '--', ...inside(options)];
    // Who joins gets its network from there, too.
    const outer = await RunningProcess.start(scope, program, args, {
      name,
      logFile,
      ...(joins ? {} : { netns }),
    });
    const main = await eventually(
      () => {
        if (outer.exit) throw new Error(`${name} ended: ${outer.output()}`);
        const child = childOf(outer.pid);
        // The mounts are made by a shell, whose place the command then takes.
        const settled = child !== undefined && !commandOf(child).includes('mount --make-rprivate');
        return settled ? identify(child) : undefined;
      },
      { within: 10_000, what: `${name} to start` },
    );
    const container = new Container(options, outer, main);
    scope.defer(`container ${name}`, () => container.kill());
    return container;
  }

  get running(): boolean {
    return this.outer.exit === undefined && isAlive(this.main);
  }

  output(): string {
    return this.outer.output();
  }

  /** What `docker kill` does. */
  signal(signal: NodeJS.Signals): void {
    if (isAlive(this.main)) process.kill(this.main.pid, signal);
  }

  /** What `docker stop` does: SIGTERM, and SIGKILL when the grace is over. Returns how long it took. */
  async stop(graceMs: number): Promise<{ exit: Exit; milliseconds: number; killed: boolean }> {
    const began = performance.now();
    this.signal('SIGTERM');
    let killed = false;
    const timer = setTimeout(() => {
      killed = true;
      this.signal('SIGKILL');
    }, graceMs);
    try {
      const exit = await this.outer.exited;
      return { exit, milliseconds: performance.now() - began, killed };
    } finally {
      clearTimeout(timer);
    }
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    // The helper stops itself when what it waits for is stopped.
    this.outer.signal('SIGCONT');
    await this.outer.exited;
  }

  /** What `docker exec` does. */
  exec(command: string[], { timeout = 30_000, check = true } = {}): Promise<Completed> {
    const { user, environment } = this.options;
    return run(
      'nsenter',
      [
        '--target',
        String(this.main.pid),
        '--mount',
        '--net',
        '--pid',
        '--ipc',
        '--root',
        '--wd=/',
        '--',

        ...as(user),
        ...withEnvironment(environment),
        ...command,
      ],
      { timeout, check },
    );
  }
}

const as = (user: string, capabilities: string[] = []): string[] => {
  const [uid = '0', gid = '0'] = user.split(':');
  const kept = capabilities.map((name) => `+${name}`).join(',');
  const privileges = kept === '' ? [] : ['--inh-caps', kept, '--ambient-caps', kept];
  const bounds = ['-all', ...(kept === '' ? [] : [kept])].join(',');
  return [
    'setpriv',
    '--reuid',
    uid,
    '--regid',
    gid,
    '--clear-groups',
    `--bounding-set=${bounds}`,
    ...privileges,
    '--no-new-privs',
  ];
};

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const withEnvironment = (environment: Record<string, string>): string[] => [
  'env',
  '-i',
  `PATH=${PATH}`,
  'HOME=/tmp',
  ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
];

/** The command line that makes the mounts and then becomes the container's command. */
function inside(options: ContainerOptions): string[] {
  const { root, volumes, hosts, shm, command, user, environment, init } = options;
  const bind = (from: string, to: string, ro = false): string =>
    `mount --bind ${ro ? '-o ro ' : ''}'${from}' '${root}${to}'`;
  const script = [
    'set -e',
    'mount --make-rprivate /',
    `mount --bind '${root}' '${root}'`,
    ...SYSTEM.filter((dir) => existsSync(dir)).map((dir) => bind(dir, dir, true)),
    bind(hosts, '/etc/hosts', true),
    `mount -t proc proc '${root}/proc'`,
    `mount -t tmpfs -o mode=755 tmpfs '${root}/dev'`,
    `for d in null zero full random urandom tty; do : >'${root}/dev/'$d; mount --bind /dev/$d '${root}/dev/'$d; done`,
    `mkdir '${root}/dev/shm'`,
    bind(shm, '/dev/shm'),
    `mount -t tmpfs -o mode=1777 tmpfs '${root}/tmp'`,
    ...Object.entries(volumes).map(([to, from]) => bind(from, to.replace(/:ro$/, ''), to.endsWith(':ro'))),
    `cd '${root}'`,
    `exec chroot '${root}' "$@"`,
  ].join('\n');
  return [
    'sh',
    '-c',
    script,
    'sh',
    ...as(user, options.capabilities),
    ...withEnvironment(environment),
    ...(init ? ['sh', '-c', INIT, 'sh'] : []),
    ...command,
  ];
}

function childOf(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ');
    return child ? Number(child) : undefined;
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
