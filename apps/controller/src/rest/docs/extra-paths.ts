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

type Sub = readonly [path: string, method: 'get' | 'post', summary: string, open?: boolean];

/** Paths below one, each with one method. */
function each(base: string, tag: string, subs: readonly Sub[]): Record<string, Json> {
  const parameters = base.includes('{uuid}') ? [uuid] : [];
  return Object.fromEntries(
    subs.map(([path, method, summary, open = false]) => {
      const id = `${base}/${path}`.replaceAll(/[^a-z]+/g, '_').replaceAll(/^_api_|_$/g, '');
      const body = method === 'post' ? { body: object } : {};
      return [
        path === '' ? base : `${base}/${path}`,
        at({ [method]: call(id, { tag, summary, open, ...body }) }, ...parameters),
      ];
    }),
  );
}

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
  '/api/event': {
    get: call('list_event', {
      tag: 'Event',
      summary: 'What happened, newest first; config changes with old and new',
    }),
  },
  '/api/analytics/logs': {
    get: call('analytics_logs', {
      tag: 'Event',
      summary: 'Events in the form of the analytics API (type=2)',
    }),
  },
  '/api/operation': {
    get: call('list_operation', { tag: 'Operation', summary: 'Operations, newest first' }),
  },
  '/api/operation/watch': {
    get: call('watch_operations', {
      tag: 'Operation',
      summary: 'Every operation as it moves, as server-sent events',
    }),
  },
  ...each('/api/operation/{uuid}', 'Operation', [
    ['', 'get', 'One operation with its steps'],
    ['watch', 'get', 'One operation as it moves, as server-sent events, until it ends'],
    ['cancel', 'post', 'Undo what was begun, and end'],
    ['answer', 'post', 'Give what a waiting operation asks for'],
  ]),
  ...each('/api/virtualservice/{uuid}', 'VirtualService', [
    ['runtime', 'get', 'State, and where it is placed'],
    ['runtime/detail', 'get', 'The same per VIP and SE'],
    ['scaleoutstatus', 'get', 'What is under way for each VIP'],
    ['placement/summary', 'get', 'Where it is placed, and why not elsewhere'],
    ['rotatekeys', 'post', 'Use the next keys of session tickets, of all virtual services (superusers)'],
  ]),
  ...each('/api/pool/{uuid}', 'Pool', [
    ['runtime', 'get', 'State of the pool'],
    ['runtime/request_queue', 'get', 'Requests that wait for a server of the pool'],
    ['runtime/request_queue/clear', 'post', 'Clear the counters of the queue'],
    ['server/enable', 'post', 'Enable servers of the pool'],
    ['server/disable', 'post', 'Disable servers of the pool, at once or gracefully'],
    ['server/add', 'post', 'Add servers: addresses, ranges, names'],
    ['server/remove', 'post', 'Remove servers of the pool'],
    ['runtime/detail', 'get', 'The same with its servers'],
    ['runtime/server', 'get', 'State of each server'],
    ['runtime/server/detail', 'get', 'The same per SE'],
    ['runtime/server/hmonstat', 'get', 'What its monitors say of each server, and how often checks passed'],
    ['hmon', 'get', 'The same per monitor'],
    ['runtime/persistence', 'get', 'How many clients of the pool each SE knows'],
    ['persistence', 'get', 'The same'],
    ['runtime/request_queue', 'get', 'Connections that its limit allows, and requests that wait for one'],
    ['runtime/request_queue/clear', 'post', 'Have the counters of its queue begin at nothing'],
  ]),
  ...each('/api/poolgroup/{uuid}', 'PoolGroup', [
    ['runtime', 'get', 'State of the group and of its pools'],
    [
      'enable_primary_pool/clear',
      'post',
      'Use primary pools again that were deactivated when they went down',
    ],
  ]),
  ...each('/api/applicationpersistenceprofile/{uuid}', 'ApplicationPersistenceProfile', [
    ['rotatekeys', 'post', 'Write cookies with the next key, and make another one'],
  ]),
  ...each('/api/serviceengine/{uuid}', 'ServiceEngine', [
    ['runtime', 'get', 'State, load and what it runs'],
    ['flowtable', 'get', 'What its connections are doing'],
    ['switchover', 'post', 'Enable, disable or empty it'],
    ['forcedelete', 'post', 'Give it up at once'],
  ]),
  ...each('/api/se-enrolment', 'ServiceEngine', [
    ['', 'post', 'Enrol with a one-time token and a certificate request', true],
    ['ca', 'get', "The cluster's CA certificate", true],
    ['renew', 'post', 'A new certificate after a long outage, proved by the key of the old one', true],
    ['token', 'post', 'A one-time token for a new SE'],
  ]),
  ...Object.fromEntries(
    ACTIONS.map(([action, name, summary]) => [
      `/api/virtualservice/{uuid}/${action}`,
      at(
        {
          get: call(`virtualservice_${action}_objects`, {
            tag: 'VirtualService',
            summary:
              'Always an empty list: an action keeps no objects, and clients look for one before they post',
          }),
          post: call(`virtualservice_${action}`, { tag: 'VirtualService', summary, body: message(name) }),
        },
        uuid,
      ),
    ]),
  ),
  ...Object.assign(
    {},
    ...INVENTORIES.map((kind) => ({
      [`/api/${kind}-inventory`]: {
        get: call(`${kind}_inventory`, {
          tag: 'Inventory',
          summary: `Configuration, state and health of every ${kind}`,
        }),
      },
      [`/api/${kind}-inventory/{uuid}`]: at(
        { get: call(`${kind}_inventory_one`, { tag: 'Inventory', summary: `The same of one ${kind}` }) },
        uuid,
      ),
    })),
  ),
  '/api/pool-inventory/{uuid}/server/{server}': at(
    {
      get: call('pool_server_inventory', {
        tag: 'Inventory',
        summary: 'One server of a pool, by address:port',
      }),
    },
    uuid,
    { ...uuid, name: 'server' },
  ),
};
