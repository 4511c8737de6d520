import { expect, it } from '@jest/globals';
import type { CheckCounts, MonitorReport } from '@spillway/health';
import { countsParts, monitorParts, shownServers } from './monitors.js';

const count = (i: number): CheckCounts => ({
  poolUuid: `pool-${i % 2}`,
  server: `10.0.0.1:${i}`,
  monitorUuid: 'healthmonitor-1',
  passed: i,
  failed: 1,
});

it('counts go by pool and monitor, in parts, each server once', () => {
  expect(countsParts([])).toEqual([]);
  const parts = countsParts(Array.from({ length: 4_001 }, (_, i) => count(i)));
  expect(parts.map((p) => p.counts.length)).toEqual([2, 2, 1]);
  const servers = parts.flatMap((p) => p.counts.flatMap((c) => c.servers.map((s) => s.server)));
  expect(new Set(servers).size).toBe(4_001);
});

const report = (received: string): MonitorReport => ({
  monitorUuid: 'healthmonitor-1',
  state: 'down',
  passed: 3,
  failed: 4,
  last: {
    at: 1.4,
    duration: 2.6,
    result: {
      ok: false,
      code: 'SSL_CERT_ERROR',
      sslCode: 'ADF_X509_SERVER_CERTIFICATE_EXPIRED',
      text: 'has expired',
      exchange: { sent: 'GET / HTTP/1.1\r\nAuthorization: Basic c2VjcmV0\r\n\r\n', received },
    },
  },
});

it('an exchange is told on one line, escaped, bounded and without secrets, where it is asked for', () => {
  const reports = new Map([['10.0.0.1:80', [report(`\u0000\u00ff"\\${'x'.repeat(5000)}`)]]]);
  const check = (exchanges: boolean) =>
    shownServers(reports, exchanges)[0]?.monitors[0]?.['last_check'] as Record<string, unknown>;
  expect(check(false)).toEqual({
    at: 1,
    duration_ms: 3,
    passed: false,
    failure_code: 'SSL_CERT_ERROR',
    failure_text: 'has expired',
    ssl_error_code: 'ADF_X509_SERVER_CERTIFICATE_EXPIRED',
  });
  const { sent, received } = check(true) as { sent: string; received: string };
  expect(sent).toBe('GET / HTTP/1.1\\r\\nAuthorization: <redacted>\\r\\n\\r\\n');
  expect(received).toMatch(/^\\x00\\xff"\\\\x{2000,2048}$/);
});

it('an answer has one part at least, and only the last one says so', () => {
  expect(monitorParts(7, []).map((p) => p.last)).toEqual([true]);
  const many = Array.from({ length: 1_001 }, (_, i) => ({ server: String(i), monitors: [] }));
  expect(monitorParts(7, many).map((p) => p.last)).toEqual([false, false, true]);
});
