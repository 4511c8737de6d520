import { describe, expect, it } from '@jest/globals';
import { readSettings, SettingsError } from './settings.js';

const base = { DATABASE_URL: 'postgres://u@127.0.0.1/d', SPILLWAY_DIR: '/var/lib/spillway/controller' };

describe('readSettings', () => {
  it('listens on loopback by default, and keeps its files under its directory', () => {
    expect(readSettings(base)).toMatchObject({
      dir: '/var/lib/spillway/controller',
      databaseUrl: 'postgres://u@127.0.0.1/d',
      redisUrl: undefined,
      api: { host: '127.0.0.1', port: 9443 },
      grpc: { host: '127.0.0.1', port: 9444 },
      status: { host: '127.0.0.1', port: 9445 },
      metrics: { host: '127.0.0.1', port: 0 },
      advertise: undefined,
      adminPassword: undefined,
      secretKeyFile: '/var/lib/spillway/controller/secret.key',
      defaultCloud: 'none',
      seDir: '/var/lib/spillway/se',
      fenceDir: undefined,
      logLevel: 'info',
    });
  });

  it('reads listeners of both families, and none for metrics', () => {
    const settings = readSettings({
      ...base,
      SPILLWAY_API_LISTEN: '[::1]:0',
      SPILLWAY_GRPC_LISTEN: '0.0.0.0:1',
      SPILLWAY_METRICS_LISTEN: 'off',
      REDIS_URL: '',
    });
    expect(settings).toMatchObject({
      api: { host: '::1', port: 0 },
      grpc: { host: '0.0.0.0', port: 1 },
      metrics: undefined,
      redisUrl: undefined,
    });
  });

  it.each([
    [{ DATABASE_URL: undefined }, 'DATABASE_URL'],
    [{ DATABASE_URL: 'mysql://x' }, 'DATABASE_URL'],
    [{ SPILLWAY_API_LISTEN: '127.0.0.1' }, 'SPILLWAY_API_LISTEN'],
    [{ SPILLWAY_API_LISTEN: '127.0.0.1:70000' }, 'SPILLWAY_API_LISTEN'],
    [{ SPILLWAY_DEFAULT_CLOUD: 'aws' }, 'SPILLWAY_DEFAULT_CLOUD'],
    [{ SPILLWAY_ADMIN_PASSWORD: 'short' }, 'SPILLWAY_ADMIN_PASSWORD'],
    [{ REDIS_URL: 'http://x' }, 'REDIS_URL'],
  ])('names the variable that is wrong: %j', (change, variable) => {
    expect(() => readSettings({ ...base, ...change })).toThrow(
      expect.objectContaining({ name: SettingsError.name, variable }),
    );
  });
});
