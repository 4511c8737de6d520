/** Paths of the API that are not those of a kind, for its description. */

type Json = Record<string, unknown>;

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } });
const object: Json = { type: 'object', additionalProperties: true };
const text: Json = { type: 'string' };
const ok = (description: string, schema: Json = object): Json => ({
  '200': { description, ...json(schema) },
});
const failures: Json = {
  '400': { $ref: '#/components/responses/BadRequest' },
  '401': { $ref: '#/components/responses/Unauthorized' },
  '403': { $ref: '#/components/responses/Forbidden' },
  '404': { $ref: '#/components/responses/NotFound' },
};
const uuid: Json = { name: 'uuid', in: 'path', required: true, schema: text };

interface Call {
  readonly tag: string;
  readonly summary: string;
  readonly body?: Json;
  readonly reply?: Json;
  readonly open?: boolean;
}

function call(id: string, { tag, summary, body, reply, open }: Call): Json {
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(open ? { security: [] } : {}),
    ...(body ? { requestBody: json(body) } : {}),
    responses: { ...ok('Done', reply), ...failures },
  };
}

const at = (path: Json, ...parameters: Json[]): Json =>
  parameters.length > 0 ? { parameters, ...path } : path;
const message = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

const login: Json = {
  oneOf: [
    {
      type: 'object',
      required: ['username', 'password'],
      properties: { username: text, password: { ...text, format: 'password' } },
    },
    { type: 'object', required: ['token'], properties: { username: text, token: text } },
  ],
};

const ACTIONS: readonly (readonly [action: string, message: string, summary: string])[] = [
  ['scaleout', 'VsScaleoutParams', 'Serve a VIP from one SE more'],
  ['scalein', 'VsScaleinParams', 'Take one SE away from a VIP'],
  ['migrate', 'VsMigrateParams', 'Move a VIP from one SE to another'],
  ['switchover', 'VsSwitchoverParams', 'Make another SE the primary'],
  ['retryplacement', 'RetryPlacementParams', 'Try again to place'],
];

/** Messages that only these paths use. */
export const EXTRA_MESSAGES = ACTIONS.map(([, name]) => name);

const INVENTORIES = ['virtualservice', 'pool', 'serviceengine'] as const;

export const EXTRA_PATHS: Readonly<Record<string, Json>> = {
  '/login': {
    post: call('login', {
      tag: 'Session',
      summary: 'Log in; the reply sets three cookies. Send csrftoken back as X-CSRFToken',
      body: login,
      open: true,
    }),
  },
  '/logout': { post: call('logout', { tag: 'Session', summary: 'End the session', open: true }) },
  '/api/user-token': {
    post: call('user_token', {
      tag: 'Session',
      summary: 'A token, to log in with or to send as Authorization: Bearer',
      body: {
        type: 'object',
        properties: { hours: { type: 'number', exclusiveMinimum: 0, maximum: 8760, default: 1 } },
      },
    }),
  },
  '/api/useraccount': {
    get: call('get_useraccount', { tag: 'Session', summary: 'Your own account' }),
    put: call('put_useraccount', {
      tag: 'Session',
      summary: 'Change your account or, with old_password, your password',
      body: object,
    }),
  },
  '/api/initial-data': { get: call('initial_data', { tag: 'Cluster', summary: 'Version', open: true }) },
  '/api/cluster/runtime': {
    get: call('cluster_runtime', { tag: 'Cluster', summary: 'State of the controllers', open: true }),
  },
  '/api/cluster/status': {
    get: call('cluster_status', { tag: 'Cluster', summary: 'State of the controllers', open: true }),
  },
  '/api/cluster/version': { get: call('cluster_version', { tag: 'Cluster', summary: 'Version' }) },
  '/api/macro': {
    post: call('macro_create', {
      tag: 'Macro',
      summary: 'Make an object with those it refers to, given as <x>_ref_data; all or none',
      body: {
        type: 'object',
        required: ['model_name', 'data'],
        properties: { model_name: text, data: object },
      },
    }),
    delete: call('macro_delete', {
      tag: 'Macro',
      summary: 'Delete an object with what only it uses',
      body: object,
    }),
  },
  '/api/configuration/export': {
    get: call('export', { tag: 'Configuration', summary: 'All configuration without secrets' }),
    post: call('export_sealed', {
      tag: 'Configuration',
      summary: 'All configuration; secrets are sealed with the passphrase',
      body: {
        type: 'object',
        required: ['passphrase'],
        properties: { passphrase: { ...text, format: 'password', minLength: 8 } },
      },
    }),
  },
  '/api/configuration/restore': {
    post: call('restore', {
      tag: 'Configuration',
      summary: 'Load an export into an empty controller; the epoch rises',
      body: object,
    }),
  },
  '/api/operation': {
    get: call('list_operation', { tag: 'Operation', summary: 'Operations, newest first' }),
  },
  '/api/operation/{uuid}': {
    ...at(
      { get: call('get_operation', { tag: 'Operation', summary: 'One operation with its steps' }) },
      uuid,
    ),
  },
  ...Object.fromEntries(
    ACTIONS.map(([action, name, summary]) => [
      `/api/virtualservice/{uuid}/${action}`,
      at(
        { post: call(`virtualservice_${action}`, { tag: 'VirtualService', summary, body: message(name) }) },
        uuid,
      ),
    ]),
  ),
  ...Object.fromEntries(
    INVENTORIES.map((kind) => [
      `/api/${kind}-inventory`,
      {
        get: call(`${kind}_inventory`, {
          tag: 'Inventory',
          summary: `Configuration, state and health of every ${kind}`,
        }),
      },
    ]),
  ),
};
