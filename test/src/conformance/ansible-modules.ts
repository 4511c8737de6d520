import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, type Instance, type Netns } from '@spillway/testing';

/** Debian's `ansible` package keeps its collections here. */
const DIST_PACKAGES = '/usr/lib/python3/dist-packages';
const COLLECTION = `${DIST_PACKAGES}/ansible_collections/community/network/plugins/modules`;

/** Debian's own Python, whatever else is on the PATH. */
const PYTHON = '/usr/bin/python3';

export const ansibleIsHere = existsSync(join(COLLECTION, 'avi_pool.py')) && existsSync(PYTHON);

export interface ModuleResult {
  changed?: boolean;
  failed?: boolean;
  msg?: string;
  obj?: Record<string, unknown>;
  [key: string]: unknown;
}

/** Runs modules of the collection one at a time, each as its own process, as Ansible does on the managed side. */
export class AnsibleModules {
  private calls = 0;

  constructor(
    private readonly instance: Instance,
    private readonly dir: string,
    /** The network that the instance is in; undefined: this one. */
    private readonly netns: Netns | undefined,
  ) {}

  /** `kind` is that of the API: `pool` runs `avi_pool`. */
  async run(kind: string, args: Record<string, unknown>): Promise<ModuleResult> {
    const { api, username, password } = this.instance.status;
    const url = new URL(api);
    const file = join(this.dir, `${kind}-${++this.calls}.json`);
    await writeFile(
      file,
      JSON.stringify({
        ANSIBLE_MODULE_ARGS: {
          avi_credentials: {
            controller: url.hostname,
            port: Number(url.port),
            username,
            password,
            api_version: '30.2.1',
          },
          ...args,
        },
      }),
    );
    const done = await run(
      PYTHON,
      ['-W', 'ignore', '-m', `ansible_collections.community.network.plugins.modules.avi_${kind}`, file],
      {
        env: { ...process.env, PYTHONPATH: DIST_PACKAGES, HOME: this.dir, PYTHONDONTWRITEBYTECODE: '1' },
        ...(this.netns && { netns: this.netns }),
        check: false,
        timeout: 60_000,
      },
    );
    const line = done.stdout.trim().split('\n').at(-1) ?? '';
    try {
      return JSON.parse(line) as ModuleResult;
    } catch {
      throw new Error(`avi_${kind} gave no result\n${done.stdout}\n${done.stderr}`);
    }
  }
}
