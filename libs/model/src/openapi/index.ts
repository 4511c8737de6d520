import type { Json } from '../walk.js';
import { HEADERS, PARAMETERS, RESPONSES, SECURITY_SCHEMES, SHARED_SCHEMAS } from './components.js';
import { kindPaths } from './paths.js';
import { schemas } from './schemas.js';

export interface OpenApiOptions {
  readonly title?: string;
  readonly version?: string;
  /** Base address, `https://host`. */
  readonly server?: string;
  /** Path items beside those of the kinds: actions, inventories, login. They win over a kind's path. */
  readonly extraPaths?: Readonly<Record<string, unknown>>;
  readonly extraSchemas?: Readonly<Record<string, unknown>>;
  /** Messages of the tables that only the extra paths use (`VsScaleoutParams`). */
  readonly extraMessages?: readonly string[];
}

/** The API as an OpenAPI 3.1 document. Made from the tables at each call; keep the result. */
export function openapi(options: OpenApiOptions = {}): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: options.title ?? 'Spillway API',
      version: options.version ?? '1',
      description:
        'x-spillway-honoured says of each top-level field whether something acts on it: honoured, in part, or stored only.',
    },
    ...(options.server === undefined ? {} : { servers: [{ url: options.server }] }),
    security: [{ session: [] }, { basic: [] }],
    paths: { ...kindPaths(), ...options.extraPaths },
    components: {
      schemas: { ...schemas(options.extraMessages ?? []), ...SHARED_SCHEMAS, ...options.extraSchemas },
      parameters: PARAMETERS,
      headers: HEADERS,
      responses: RESPONSES,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}
