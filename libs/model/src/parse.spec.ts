import { describe, expect, it } from '@jest/globals';
import { kindNames, kinds, parseObject } from './index.js';

const server = (rest: object = {}): object => ({ ip: { addr: '10.0.0.1', type: 'V4' }, ...rest });

describe('parseObject', () => {
  it('keeps what the schema has, and names what it drops with folded paths', () => {
    const parsed = parseObject('pool', {
      name: 'p',
      colour: 'red',
      servers: [server({ port: 80, weight: 3 }), server({ port: 81, weight: 4 })],
    });
    expect(parsed.unknown).toEqual(['colour', 'servers[].weight']);
    expect(parsed.errors).toEqual([]);
    expect(parsed.value).toEqual({ name: 'p', servers: [server({ port: 80 }), server({ port: 81 })] });
  });

  it('drops null and empty lists, and takes numbers in strings', () => {
    const { value, errors } = parseObject('pool', {
      name: 'p',
      description: null,
      servers: [],
      networks: [null],
      default_server_port: '8080',
      connection_ramp_duration: ' 0 ',
    });
    expect(errors).toEqual([]);
    expect(value).toEqual({ name: 'p', default_server_port: 8080, connection_ramp_duration: 0 });
  });

  it('hands identity over apart from the value', () => {
    const parsed = parseObject('pool', { name: 'p', uuid: 'pool-1', url: 'https://x', _last_modified: 17 });
    expect(parsed).toMatchObject({ uuid: 'pool-1', lastModified: '17', value: { name: 'p' } });
    expect(Object.keys(parsed.value)).toEqual(['name']);
  });

  it.each([
    [{ name: 'p', graceful_disable_timeout: -1 }, true],
    [{ name: 'p', graceful_disable_timeout: 0 }, true],
    [{ name: 'p', graceful_disable_timeout: 7200 }, true],
    [{ name: 'p', graceful_disable_timeout: -2 }, false],
    [{ name: 'p', graceful_disable_timeout: 7201 }, false],
    [{ name: 'p', graceful_disable_timeout: 1.5 }, false],
  ])('holds a number to its range and its special values: %j', (input, good) => {
    expect(parseObject('pool', input).errors.length === 0).toBe(good);
  });

  it('says field, value, what is allowed and what to do', () => {
    const { errors } = parseObject('pool', { name: 'p', servers: [server({ ratio: 40 })] });
    expect(errors).toEqual([
      {
        code: 'range',
        field: 'servers[0].ratio',
        value: 40,
        allowed: 'an integer from 1 to 20',
        message:
          'Field check for servers[0].ratio failed : 40 is not allowed. Set it to an integer from 1 to 20, or leave it out for the default 1',
      },
    ]);
  });

  it('never repeats a secret in an error', () => {
    const { errors } = parseObject('user', { name: 'u', password: { deep: 'hunter2' } });
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(errors)).not.toContain('hunter2');
  });

  it.each([undefined, null, 1, 'x', [], [1]])('refuses a body that is no object: %j', (input) => {
    for (const kind of kindNames()) expect(parseObject(kind, input).errors).toHaveLength(1);
  });

  it('refuses what is unknown or without effect when strict', () => {
    const input = { name: 'p', colour: 'red', nsx_securitygroup: ['a'] };
    expect(parseObject('pool', input).errors).toEqual([]);
    expect(parseObject('pool', input, { strict: true }).errors.map((e) => [e.code, e.field])).toEqual([
      ['unknown_field', 'colour'],
      ['unhonoured_field', 'nsx_securitygroup'],
    ]);
  });

  it('gives VIPs without an id the free numbers', () => {
    const { value } = parseObject('vsvip', { name: 'v', vip: [{}, { vip_id: '0' }, {}] });
    expect(value.vip?.map((v) => v.vip_id)).toEqual(['1', '0', '2']);
  });

  it('requires nothing of a patch, and still checks what is there', () => {
    expect(parseObject('pool', { servers: [{ ratio: 2 }] }, { partial: true }).errors).toEqual([]);
    expect(parseObject('pool', { servers: [{ ratio: 99 }] }, { partial: true }).errors).toHaveLength(1);
  });

  it('survives keys that belong to JavaScript', () => {
    const input = JSON.parse('{"name":"p","__proto__":{"a":1},"constructor":1,"toString":2}') as unknown;
    const parsed = parseObject('pool', input);
    expect(parsed.unknown.sort()).toEqual(['__proto__', 'constructor', 'toString']);
    expect(parsed.value).toEqual({ name: 'p' });
  });
});

describe('kinds', () => {
  it('knows where a name is unique', () => {
    expect(kinds.pool.uniqueBy).toEqual(['name', 'tenant_ref', 'cloud_ref']);
    expect(kinds.healthmonitor.uniqueBy).toEqual(['name', 'tenant_ref']);
    expect(kinds.tenant.uniqueBy).toEqual(['name']);
    expect(kindNames().filter((k) => kinds[k].singleton)).toEqual([
      'cluster',
      'controllerproperties',
      'seproperties',
      'systemconfiguration',
    ]);
  });

  it('knows what is secret', () => {
    expect(kinds.sslkeyandcertificate.secretFields).toContain('key');
    expect(kinds.user.secretFields).toContain('password');
    expect(kinds.systemconfiguration.secretFields).toContain('email_configuration.auth_password');
  });
});
