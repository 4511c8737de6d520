import type { Facts } from '../facts.js';
import type { Groups } from '../groups.js';
import { FIELD_STRIDE, type FieldsView, peer, RequestView, ResponseView, VERSIONS } from '../match/view.js';
import type { RateLimiters } from '../rate-limiter.js';

/** A request as somebody writes it. */
export interface WrittenRequest {
  method?: string;
  target: string;
  headers?: readonly (readonly [name: string, value: string])[];
  version?: (typeof VERSIONS)[number];
  secure?: boolean;
  port?: number;
  client?: string;
  source?: string;
}

function writeFields(view: FieldsView, at: number, headers: readonly (readonly [string, string])[]): string {
  let text = '';
  view.fields = new Int32Array(headers.length * FIELD_STRIDE);
  view.fieldCount = headers.length;
  headers.forEach(([name, value], i) => {
    const line = at + text.length;
    const start = line + name.length + 2;
    text += `${name}: ${value} \r\n`;
    view.fields.set(
      [line, line + name.length, start, start + value.length + 1, at + text.length],
      i * FIELD_STRIDE,
    );
  });
  return text;
}

/** The view of a request, as a scanner would leave it. */
export function requestView(request: WrittenRequest, view = new RequestView()): RequestView {
  const { method = 'GET', target, headers = [], version = '1.1', client = '192.0.2.1' } = request;
  const line = `${method} ${target} HTTP/1.1\r\n`;
  const text = line + writeFields(view, line.length, headers);
  view.b = Buffer.from(text, 'latin1');
  view.methodStart = 0;
  view.methodEnd = method.length;
  const targetStart = method.length + 1;
  view.targetEnd = targetStart + target.length;
  const absolute = /^https?:\/\/[^/?]*/i.exec(target);
  view.pathStart = targetStart + (absolute?.[0].length ?? 0);
  view.hostField = headers.findIndex(([name]) => name.toLowerCase() === 'host');
  view.version = VERSIONS.indexOf(version);
  view.secure = request.secure ?? false;
  view.port = request.port ?? 80;
  view.client = peer(client);
  view.source = peer(request.source ?? client);
  view.begin();
  return view;
}

export function responseView(status: number, headers: readonly (readonly [string, string])[]): ResponseView {
  const view = new ResponseView();
  view.b = Buffer.from(writeFields(view, 0, headers), 'latin1');
  view.status = status;
  return view;
}

export const NO_GROUPS: Groups = { strings: new Map(), addresses: new Map() };

export const factsOf = (known: Readonly<Record<string, string>> = {}): Facts => ({
  variable: (name) => known[name],
});

/** Limiters that let so many through and no more. */
export const limitersOf = (most = Infinity): RateLimiters & { keys: string[] } => {
  const keys: string[] = [];
  return {
    keys,
    limiter: () => ({
      take: (key) => keys.push(key) <= most,
    }),
  };
};
