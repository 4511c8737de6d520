import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { codeMatches, httpRequest, judgeHttp, type HttpCheck } from './http-check.js';
import { redact } from './result.js';

const check = (more: Partial<HttpCheck> = {}): HttpCheck => ({
  type: 'http',
  request: 'GET / HTTP/1.0',
  exact_request: false,
  response_codes: [],
  ...more,
});

describe('the request of an HTTP monitor', () => {
  it('gets what a server needs to answer it', () => {
    expect(httpRequest(check({ request: 'GET /health' }), 'a.example')).toBe(
      'GET /health HTTP/1.1\r\nHost: a.example\r\nUser-Agent: spillway-health-monitor\r\nAccept: */*\r\nConnection: close\r\n\r\n',
    );
  });

  it('keeps the headers it was given', () => {
    const sent = httpRequest(check({ request: 'GET / HTTP/1.1\nHost: other\nX-Probe: 1' }), 'a.example');
    expect(sent.match(/Host:/g)).toHaveLength(1);
    expect(sent).toContain('Host: other\r\nX-Probe: 1\r\n');
  });

  it('is sent as it stands when it is exact', () => {
    expect(httpRequest(check({ request: 'GET / HTTP/1.0\r\nA: b', exact_request: true }), 'x')).toBe(
      'GET / HTTP/1.0\r\nA: b\r\n\r\n',
    );
  });
});

describe('the answer to an HTTP monitor', () => {
  it('passes on classes and exact codes', () => {
    expect(codeMatches(['2xx', '404'], 204)).toBe(true);
    expect(codeMatches(['2xx', '404'], 404)).toBe(true);
    expect(codeMatches(['2xx', '404'], 403)).toBe(false);
    expect(codeMatches([], 302)).toBe(true);
    expect(codeMatches([], 500)).toBe(false);
  });

  it('is judged by its status line alone when no text is asked for', () => {
    expect(judgeHttp(check(), 'HTTP/1.1 200 OK\r\n', false)).toEqual({ ok: true });
    expect(judgeHttp(check({ response_codes: ['2xx'] }), 'HTTP/1.1 503 No\r\n', false)).toMatchObject({
      code: 'RESPONSE_CODE_MISMATCH',
    });
    expect(judgeHttp(check(), 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n', false)).toEqual({
      ok: true,
    });
    expect(judgeHttp(check(), '', true)).toMatchObject({ code: 'NO_RESPONSE' });
    expect(judgeHttp(check(), 'SSH-2.0-x\n', false)).toMatchObject({ code: 'RESPONSE_CODE_MISMATCH' });
  });

  it('must hold the text in the first 2 kB of the body, in chunks or not', () => {
    const c = check({ response_text: 'pong é' });
    const text = Buffer.from('..pong é..').toString('latin1');
    expect(judgeHttp(c, `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`, false)).toEqual({
      ok: true,
    });
    const chunked = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n..po\r\n7\r\n${text.slice(4)}\r\n0\r\n\r\n`;
    expect(judgeHttp(c, chunked, false)).toEqual({ ok: true });
    const late = `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(2048)}${text}`;
    expect(judgeHttp(c, late, false)).toMatchObject({ code: 'PAYLOAD_CONTENT_MISMATCH' });
    expect(judgeHttp(c, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno', false)).toMatchObject({
      code: 'PAYLOAD_CONTENT_MISMATCH',
    });
  });

  it('comes to the same result however it is cut, and never throws', () => {
    const c = check({ response_text: 'yes' });
    const whole = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nye\r\n1\r\ns\r\n0\r\n\r\n';
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), (cut) => {
        expect(judgeHttp(c, whole.slice(0, cut), false) ?? { ok: true }).toEqual({ ok: true });
      }),
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (bytes) => {
        expect(
          judgeHttp(c, `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${bytes}`, true),
        ).toBeDefined();
      }),
    );
  });
});

it('what is kept of an exchange holds no credential', () => {
  const kept = redact(
    'GET /?token=abc&x=1 HTTP/1.1\r\nAuthorization: Basic dXNlcg==\r\ncookie: sid=1\r\nA: b',
  );
  expect(kept).not.toMatch(/abc|dXNlcg|sid=1/);
  expect(kept).toContain('A: b');
  expect(redact('x'.repeat(9000))).toHaveLength(2048);
});
