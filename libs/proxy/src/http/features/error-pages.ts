import type { ErrorPage } from '@spillway/snapshot';
import type { Exchange } from '../exchange.js';
import type { Message } from '../message.js';
import { phraseOf, type OwnResponse } from '../own-response.js';
import type { SomeRules } from '../rules.js';
import { newRequestId } from './request-id.js';

const VARIABLES = [
  'status',
  'phrase',
  'reason',
  'request_id',
  'client_ip',
  'host',
  'virtual_service',
] as const;
type Variable = (typeof VARIABLES)[number];

interface Page {
  readonly matches: (status: number) => boolean;
  readonly answer: (x: Exchange, response: OwnResponse) => OwnResponse;
}

/** The host for pages of what is answered before the request goes on. */
export const rememberHost: SomeRules = {
  onRequest(x: Exchange, message: Message): boolean {
    x.host = message.host;
    return true;
  },
};

/** Pages in place of the engine's own words for an error. What a policy answers with stays as it is. */
export class ErrorPages implements SomeRules {
  private readonly pages: readonly Page[];

  constructor(
    pages: readonly ErrorPage[],
    private readonly serviceName: string,
  ) {
    this.pages = pages.map((page) => ({ matches: matcher(page), answer: this.answerer(page.answer) }));
  }

  onOwn(x: Exchange, response: OwnResponse): OwnResponse {
    if (response.reason === undefined) return response;
    for (const page of this.pages) if (page.matches(response.status)) return page.answer(x, response);
    return response;
  }

  private answerer(answer: ErrorPage['answer']): Page['answer'] {
    if (answer.type === 'redirect')
      return () => ({ status: 302, fields: [['Location', answer.location]], body: Buffer.alloc(0) });
    const { content_type: type } = answer;
    const escape = type === 'text/html' ? forHtml : forJson;
    const parts = answer.body.split(/\{\{(\w+)\}\}/);
    return (x, response) => {
      const text = parts.map((part, i) => (i % 2 === 0 ? part : this.value(part, x, response, escape)));
      return {
        ...response,
        fields: [
          ['Content-Type', `${type}; charset=utf-8`],
          ...response.fields.filter(([name]) => name !== 'Content-Type'),
        ],
        body: Buffer.from(text.join('')),
      };
    };
  }

  /** What stands for `{{name}}`; a name that is none of ours stays. */
  private value(
    name: string,
    x: Exchange,
    { status, reason }: OwnResponse,
    escape: (s: string) => string,
  ): string {
    switch (name as Variable) {
      case 'status':
        return String(status);
      case 'phrase':
        return phraseOf(status);
      case 'reason':
        return escape(reason ?? '');
      case 'request_id':
        x.requestId ||= newRequestId();
        return escape(x.requestId);
      case 'client_ip':
        return escape(x.clientAddress ?? x.connection.ends.remoteAddress);
      case 'host':
        return escape(x.host);
      case 'virtual_service':
        return escape(this.serviceName);
      default:
        return `{{${name}}}`;
    }
  }
}

function matcher({ statuses, negate }: ErrorPage): Page['matches'] {
  return (status) => {
    for (const { from, to } of statuses) if (status >= from && status <= to) return !negate;
    return negate && status >= 400;
  };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const forHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c]!);
const forJson = (text: string): string => JSON.stringify(text).slice(1, -1);
