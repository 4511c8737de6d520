import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { eventually, EventuallyError } from './eventually.js';
import { identify, isAlive, killNow, processStat, processTree, signalProcess } from './identity.js';
import { Netns } from './netns.js';
import { freeLoopback, freePorts, freeUdpPort } from './ports.js';
import { run, RunningProcess } from './run.js';
import { Scope, withScope } from './scope.js';

let scope: Scope;
beforeEach(() => {
  scope = new Scope('process-spec');
});
afterEach(() => scope.close());

describe('eventually', () => {
  it('gives the first truthy value', async () => {
    let n = 0;
    await expect(eventually(() => (++n < 3 ? 0 : `look ${n}`), { every: 1 })).resolves.toBe('look 3');
  });

  it('names what it waited for and the last value', async () => {
    const wait = eventually(() => null, { within: 30, every: 5, what: 'the moon' });
    await expect(wait).rejects.toThrow(
      /waited \d+ ms \(limit 30 ms, \d+ looks\) for the moon; last value: null/,
    );
    await expect(wait).rejects.toBeInstanceOf(EventuallyError);
  });

  it('takes a throw for "not yet" and reports the last one', async () => {
    let n = 0;
    await expect(
      eventually(
        () => {
          if (++n < 3) throw new Error('early');
          return true;
        },
        { every: 1 },
      ),
    ).resolves.toBe(true);
    await expect(
      eventually(
        () => {
          throw new Error('for ever');
        },
        { within: 20, every: 5 },
      ),
    ).rejects.toThrow(/last error: for ever/);
  });
});

describe('scope', () => {
  it('closes in reverse order and goes on after a failure', async () => {
    const seen: string[] = [];
    const own = new Scope('own');
    own.defer('a', () => seen.push('a'));
    own.defer('b', () => {
      throw new Error('stuck');
    });
    const early = own.defer('c', () => seen.push('c'));
    own.defer('d', () => seen.push('d'));
    await early();
    await expect(own.close()).rejects.toThrow('closing b: stuck');
    expect(seen).toEqual(['c', 'd', 'a']);
    expect(() => own.defer('late', () => undefined)).toThrow('closed already');
  });

  it('removes its directories', async () => {
    const dir = await withScope('dirs', async (own) => {
      const path = await own.tempDir();
      expect(existsSync(path)).toBe(true);
      return path;
    });
    expect(existsSync(dir)).toBe(false);
  });
});

describe('processes', () => {
  it('keeps the output, also in a file, and finds a line in it', async () => {
    const logFile = join(await scope.tempDir(), 'log');
    const child = await RunningProcess.start(scope, 'sh', ['-c', 'echo one; echo two >&2; exec sleep 60'], {
      logFile,
    });
    const [line] = await child.waitForOutput(/two/);
    expect(line).toBe('two');
    expect(child.output()).toContain('one\n');
    const exit = await child.stop();
    expect(exit).toEqual({ code: null, signal: 'SIGTERM' });
    await eventually(() => readFileSync(logFile, 'utf8').includes('two'));
  });

  it('fails at once, with the output, when the process ends before the line', async () => {
    const child = await RunningProcess.start(scope, 'sh', ['-c', 'echo broken; exit 3']);
    await expect(child.waitForOutput(/ready/, 30_000)).rejects.toThrow(/exit code 3[^]*broken/);
  });

  it('kills what ignores SIGTERM, and ends what is stopped', async () => {
    const deaf = await RunningProcess.start(scope, 'sh', [
      '-c',
      'trap "" TERM; echo on; while :; do sleep 1; done',
    ]);
    await deaf.waitForOutput(/on/);
    expect(await deaf.stop({ grace: 100 })).toEqual({ code: null, signal: 'SIGKILL' });
    const stopped = await RunningProcess.start(scope, 'sleep', ['60']);
    stopped.signal('SIGSTOP');
    await eventually(() => processStat(stopped.pid)?.state === 'T');
    expect((await stopped.stop()).signal).toBe('SIGTERM');
  });

  it('says what cannot be started', async () => {
    await expect(RunningProcess.start(scope, '/nowhere/x', [])).rejects.toThrow(
      /cannot start \/nowhere\/x.*ENOENT/,
    );
  });

  it('never signals another process that got the pid', async () => {
    const child = await RunningProcess.start(scope, 'sleep', ['60']);
    const who = identify(child.pid)!;
    expect(isAlive(who)).toBe(true);
    const impostor = { ...who, startTime: who.startTime + 1 };
    expect(signalProcess(impostor, 'SIGKILL')).toBe(false);
    expect(isAlive(who)).toBe(true);
    await killNow(who);
    expect(isAlive(who)).toBe(false);
    expect(identify(who.pid)).toBeUndefined();
  });

  it('sees a process with its descendants', async () => {
    const parent = await RunningProcess.start(scope, 'sh', ['-c', 'sleep 60 & sleep 60 & wait']);
    await eventually(() => processTree(parent.pid).length === 3);
    expect(processTree(parent.pid)[0]!.pid).toBe(parent.pid);
    const children = processTree(parent.pid)
      .slice(1)
      .map((p) => identify(p.pid)!);
    await parent.stop();
    await Promise.all(children.map((child) => killNow(child)));
  });

  it('runs a command to its end and reports a failing one whole', async () => {
    expect((await run('cat', [], { input: 'in' })).stdout).toBe('in');
    await expect(run('sh', ['-c', 'echo no >&2; exit 4'])).rejects.toThrow(/exit code 4\nno/);
    await expect(run('sleep', ['30'], { timeout: 50 })).rejects.toThrow(/not done within 50 ms/);
    expect((await run('false', [], { check: false })).code).toBe(1);
  });
});

describe('addresses', () => {
  it('gives different free ports and loopback addresses that can be bound', async () => {
    expect(new Set(await freePorts(20)).size).toBe(20);
    expect(await freeUdpPort()).toBeGreaterThan(0);
    const addresses = Array.from({ length: 300 }, () => freeLoopback());
    expect(new Set(addresses).size).toBe(300);
    for (const address of addresses) expect(address).toMatch(/^127\.[1-9]\d{0,2}\.\d+\.\d+$/);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(0, addresses[7], resolve);
    });
    await new Promise((resolve) => server.close(resolve));
  });
});

const root = Netns.available ? describe : describe.skip;
root('network namespace (needs root)', () => {
  it('has loopback up and tcp_migrate_req on, runs commands inside, and goes away', async () => {
    const inner = new Scope('inner');
    const netns = await Netns.create(inner, 'spec');
    const value = await run('sysctl', ['-n', 'net.ipv4.tcp_migrate_req'], { netns });
    expect(value.stdout.trim()).toBe('1');
    await netns.addAddress('10.99.0.1');
    await netns.addAddress('fd99::1');
    const shown = await run('ip', ['addr', 'show', 'lo'], { netns });
    expect(shown.stdout).toContain('10.99.0.1/32');
    expect(shown.stdout).toContain('fd99::1/128');
    const left = await RunningProcess.start(scope, 'sleep', ['60'], { netns });
    await eventually(async () => (await netns.pids()).includes(left.pid));
    await inner.close();
    expect((await run('ip', ['netns', 'list'])).stdout).not.toContain(netns.name);
    expect((await left.exited).signal).toBe('SIGKILL');
  });
});
