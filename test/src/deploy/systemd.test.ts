import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Netns, run } from '@spillway/testing';
import { readDockerfile, imageConfig } from './dockerfile.js';
import { readUnit, units } from './unit-file.js';

const names = globSync(`${units}/*.service`).map((file) => basename(file));

/** What these units may say, so that a misspelt key is found also where systemd is not installed. */
const KEYS: Record<string, string[]> = {
  Unit: ['Description', 'Documentation', 'Wants', 'After'],
  Service: [
    'User',
    'Group',
    'EnvironmentFile',
    'Environment',
    'StateDirectory',
    'StateDirectoryMode',
    'ExecStart',
    'KillMode',
    'TimeoutStopSec',
    'Restart',
    'RestartSec',
    'AmbientCapabilities',
    'CapabilityBoundingSet',
    'NoNewPrivileges',
    'ProtectSystem',
    'ProtectHome',
    'PrivateTmp',
    'PrivateDevices',
    'RestrictAddressFamilies',
    'LimitNOFILE',
  ],
  Install: ['WantedBy'],
};

const program = (unit: string): string[] =>
  (readUnit(unit).find(({ key }) => key === 'ExecStart')?.value ?? '').split(/\s+/);

describe('systemd units', () => {
  test.each(names)('%s has keys that exist only', (name) => {
    for (const { section, key } of readUnit(name)) expect(KEYS[section]).toContain(key);
  });

  test('they start what the images start, from the same places', () => {
    const commands = new Map(readDockerfile().map((stage) => [stage.name, imageConfig(stage).command]));
    const [, controller] = program('spillway-controller.service');
    expect(controller).toBe(commands.get('controller')?.[1]);
    const [, engine, verb, flag] = program('spillway-se@.service');
    expect([engine, verb, flag]).toEqual(commands.get('service-engine')?.slice(1, 4));
  });

  test('an SE is told to stop alone of its processes, and has longer than the default drain of 30 s', () => {
    const unit = new Map(readUnit('spillway-se@.service').map(({ key, value }) => [key, value]));
    expect(unit.get('KillMode')).toBe('mixed');
    expect(Number(unit.get('TimeoutStopSec'))).toBeGreaterThan(30 + 5);
  });

  const verify = globSync('/usr/bin/systemd-analyze').length > 0 && Netns.available;
  (verify ? test : test.skip)(
    'systemd-analyze finds nothing wrong (skipped without it, and without root: it looks for the programs under /opt)',
    async () => {
      // In mounts of its own, where the programs that the units name exist.
      const script = `mount --make-rprivate / && mount -t tmpfs none /opt && mkdir /opt/spillway
        for f in node bun; do printf '#!/bin/sh\\n' >/opt/spillway/$f; chmod +x /opt/spillway/$f; done
        exec systemd-analyze verify --man=no "$@"`;
      const files = names.map((name) => `${units}/${name.replace('@.', '@se-1.')}`);
      const { stderr } = await run('unshare', ['--mount', 'sh', '-c', script, 'sh', ...files]);
      expect(stderr.split('\n').filter((line) => line.includes('spillway'))).toEqual([]);
    },
  );
});
