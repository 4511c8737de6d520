import type { HeaderAction, HeaderValue } from '@spillway/snapshot';
import type { HeaderEdit } from './decision.js';
import { findField } from './match/subject.js';
import type { RequestView } from './match/view.js';

export type Variable = Extract<HeaderValue, { type: 'variable' }>['variable'];

/** What rules may ask about a connection. */
export interface Facts {
  /** Undefined where the connection has no such thing. */
  variable(name: Variable): string | undefined;
}

/** A header action with its value for a request. */
export function editFor(action: HeaderAction, view: RequestView, facts: Facts): HeaderEdit {
  if (action.target === 'cookie' || action.value === undefined) return { action, value: undefined };
  return { action, value: valueOf(action.value, view, facts) };
}

function valueOf(value: HeaderValue, view: RequestView, facts: Facts): string | undefined {
  switch (value.type) {
    case 'string':
      return value.value;
    case 'header': {
      const field = findField(view, Buffer.from(value.name.toLowerCase(), 'latin1'), 0);
      return field < 0 ? undefined : view.value(field);
    }
    case 'variable':
    default:
      return facts.variable(value.variable);
  }
}
