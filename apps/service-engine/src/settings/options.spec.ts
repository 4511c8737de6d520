import { describe, expect, it } from '@jest/globals';
import { grpcAddresses } from '../channel/enrolment.js';
import { Reconnect } from '../channel/reconnect.js';
import { createLogger } from '../log/logger.js';
import { parseOptions } from './options.js';

describe('the command line', () => {
  it('takes what an SE needs, with safe defaults', () => {
    const o = parseOptions(['run', '--dir', '/tmp/x'], {
      SPILLWAY_CONTROLLER: 'https://a:1, https://[::1]:2',
    });
    expect(o).toMatchObject({
      dir: '/tmp/x',
      controllers: ['https://a:1', 'https://[::1]:2'],
      tune: false,
      metricsListen: { host: '127.0.0.1', port: 0 },
    });
    expect(parseOptions(['engine', '--snapshot', '/s', '--workers', '3'], {}).workers).toBe(3);
    expect(
      parseOptions(['run', '--dir', '/x'], { SPILLWAY_METRICS_LISTEN: 'off' }).metricsListen,
    ).toBeUndefined();
    expect(
      parseOptions(['run', '--dir', '/x'], { SPILLWAY_METRICS_LISTEN: '[::1]:9' }).metricsListen,
    ).toEqual({
      host: '::1',
      port: 9,
    });
  });

  it.each<[string[], Record<string, string>, RegExp]>([
    [[], {}, /usage/],
    [['run'], {}, /run needs --dir/],
    [['engine'], {}, /engine needs --snapshot/],
    [['engine', '--snapshot'], {}, /--snapshot needs a value/],
    [['engine', '--snapshot', 's', '--workers', '0'], {}, /must be 1 to 64, not 0/],
    [['run', '--dir', 'd', '--colour', 'red'], {}, /unknown --colour/],
    [['run', '--dir', 'd'], { SPILLWAY_CONTROLLER: 'http://a' }, /https:\/\/host:port.*not http:\/\/a/],
    [['run', '--dir', 'd'], { SPILLWAY_METRICS_LISTEN: 'here' }, /host:port or off, not here/],
  ])('refuses %j with %j', (args, env, message) => {
    expect(() => parseOptions(args, env)).toThrow(message);
  });
});

it('a log line is JSON without secrets', () => {
  const lines: string[] = [];
  const log = createLogger('agent', (l) => lines.push(l)).part('x');
  log.info('m', { token: 'a', nested: { key_pem: 'b', key: 'c' }, error: new Error('d'), n: 1n, keys: 3 });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    process: 'agent',
    part: 'x',
    msg: 'm',
    token: '[redacted]',
    nested: { key_pem: '[redacted]', key: '[redacted]' },
    error: { message: 'd' },
    n: '1',
    keys: 3,
  });
});

describe('where the controller is looked for', () => {
  it('the replica that enrolled it, then the others at the same port', () => {
    expect(grpcAddresses('10.0.0.1:9444', ['https://10.0.0.1:9443', 'https://[fd00::2]:9443'])).toEqual([
      '10.0.0.1:9444',
      '[fd00::2]:9444',
    ]);
    expect(grpcAddresses('https://h:1/', [])).toEqual(['h:1']);
  });

  it('pauses grow with jitter, and are short again after a good stream', () => {
    const r = new Reconnect(() => 0.999);
    expect(r.pick(['a', 'b'])).toBe('a');
    expect([r.pause(0), r.pause(0), r.pause(0)]).toEqual([50, 100, 200]);
    expect(r.pick(['a', 'b'])).toBe('b');
    for (let i = 0; i < 20; i++) expect(r.pause(0)).toBeLessThanOrEqual(2_000);
    expect(r.pause(60_000)).toBe(50);
    expect(new Reconnect(() => 0).pause(0)).toBe(25);
  });
});
