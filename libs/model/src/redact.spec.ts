import { describe, expect, it } from '@jest/globals';
import { keepSecrets, redact, type HealthMonitor, type SystemConfiguration } from './index.js';

describe('secrets', () => {
  const certificate = {
    name: 'c',
    certificate: { certificate: 'PEM' },
    key: 'PRIVATE',
    key_passphrase: 'open',
  };

  it('are left out of what is shown', () => {
    expect(redact('sslkeyandcertificate', certificate)).toEqual({
      name: 'c',
      certificate: { certificate: 'PEM' },
    });
    const system = {
      email_configuration: { smtp_type: 'SMTP_SERVER', auth_password: 'x' },
    } as SystemConfiguration;
    expect(redact('systemconfiguration', system)).toEqual({
      email_configuration: { smtp_type: 'SMTP_SERVER' },
    });
  });

  it('stay when what was shown is written back, masked or left out', () => {
    const shown = redact('sslkeyandcertificate', certificate);
    expect(keepSecrets('sslkeyandcertificate', certificate, shown)).toEqual(certificate);
    expect(keepSecrets('sslkeyandcertificate', certificate, { ...shown, key: '<sensitive>' })).toEqual(
      certificate,
    );
  });

  it('can be changed, and go with the message that holds them', () => {
    expect(keepSecrets('sslkeyandcertificate', certificate, { ...certificate, key: 'NEW' })).toMatchObject({
      key: 'NEW',
    });
    const monitor = { name: 'm', authentication: { username: 'u', password: 'x' } } as HealthMonitor;
    expect(keepSecrets('healthmonitor', monitor, { name: 'm' })).toEqual({ name: 'm' });
    expect(keepSecrets('healthmonitor', monitor, { name: 'm', authentication: { username: 'v' } })).toEqual({
      name: 'm',
      authentication: { username: 'v', password: 'x' },
    });
  });

  it('are never the mask itself', () => {
    expect(keepSecrets('sslkeyandcertificate', {}, { name: 'c', key: '<sensitive>' })).toEqual({ name: 'c' });
  });

  it('follow elements of a list by their key', () => {
    const stored = {
      nodes: [
        { name: 'a', ip: { addr: '1.1.1.1' }, password: 'one' },
        { name: 'b', ip: { addr: '2.2.2.2' }, password: 'two' },
      ],
    };
    const written = {
      nodes: [
        { name: 'b', ip: { addr: '2.2.2.2' } },
        { name: 'c', ip: { addr: '3.3.3.3' } },
      ],
    };
    expect(keepSecrets('cluster', stored, written)).toEqual({
      nodes: [
        { name: 'b', ip: { addr: '2.2.2.2' }, password: 'two' },
        { name: 'c', ip: { addr: '3.3.3.3' } },
      ],
    });
  });
});
