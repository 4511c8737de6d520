import type { HashToken, Token } from '@spillway/snapshot';
import { textOf } from '../match/bytes.js';
import {
  CookieSubject,
  HeaderSubject,
  located,
  ParameterValueSubject,
  type Subject,
} from '../match/subject.js';
import type { RequestView } from '../match/view.js';
import { tokenTexts, type TokenSource } from './uri.js';

/** Between two parts: no part of a request holds it, so that other parts never make the same string. */
const GLUE = '\0';

type Part = Subject<RequestView> | Token | 'client_ip';

/** The custom string of a request, for pools whose consistent hash goes by one. */
export class HashString {
  private readonly parts: readonly Part[];

  constructor(tokens: readonly HashToken[]) {
    this.parts = tokens.map((token): Part => {
      switch (token.type) {
        case 'header':
          return new HeaderSubject(token.name);
        case 'cookie':
          return new CookieSubject(token.name);
        case 'parameter':
          return new ParameterValueSubject(token.name);
        case 'client_ip':
          return 'client_ip';
        case 'string':
        case 'string_group':
        case 'host':
        case 'path':
        case 'path_capture':
        case 'query_capture':
        default:
          return token;
      }
    });
  }

  /** Null when the request lacks one of the parts, or has it empty. */
  of(view: RequestView, source: TokenSource): string | null {
    let all = '';
    for (const [i, part] of this.parts.entries()) {
      const text = textOfPart(part, view, source);
      if (text === null) return null;
      all += i === 0 ? text : GLUE + text;
    }
    return all;
  }
}

function textOfPart(part: Part, view: RequestView, source: TokenSource): string | null {
  if (part === 'client_ip') return view.client.address;
  if ('next' in part) {
    const found = part.next(view, 0) >= 0 && located.end > located.start;
    return found ? textOf(located.b, located.start, located.end) : null;
  }
  const texts = tokenTexts(part, source);
  if (texts.length === 0) return null;
  // Hosts are the same in whatever case.
  return part.type === 'host' ? texts.join('.').toLowerCase() : texts.join('/');
}
