import { kindNames, kinds, type Kind } from '../kinds.js';
import type { Json } from '../walk.js';

const parameter = (name: string): Json => ({ $ref: `#/components/parameters/${name}` });
const response = (name: string): Json => ({ $ref: `#/components/responses/${name}` });
const body = (schema: Json): Json => ({ required: true, content: { 'application/json': { schema } } });
const answer = (description: string, schema: Json): Json => ({
  description,
  headers: { 'X-Spillway-Unknown': header('Unknown'), 'X-Spillway-Unhonoured': header('Unhonoured') },
  content: { 'application/json': { schema } },
});
const header = (name: string): Json => ({ $ref: `#/components/headers/${name}` });

const SHAPE = ['include_name', 'skip_default', 'fields'].map(parameter);
const WRITE = [...SHAPE, parameter('strict')];
const LIST = [
  ...SHAPE,
  ...['name', 'search', 'isearch', 'sort', 'exclude', 'refers_to', 'referred_by', 'page', 'page_size'].map(
    parameter,
  ),
];

const FAILURES: Json = {
  '400': response('BadRequest'),
  '401': response('Unauthorized'),
  '403': response('Forbidden'),
};

function list({ kind, type }: Kind, schema: Json): Json {
  const page = {
    type: 'object',
    required: ['count', 'results'],
    properties: {
      count: { type: 'integer' },
      results: { type: 'array', items: schema },
      next: { type: 'string' },
    },
  };
  const results = { description: 'One page', content: { 'application/json': { schema: page } } };
  return {
    operationId: `list_${kind}`,
    tags: [type],
    summary: `List ${type} objects`,
    parameters: LIST,
    responses: { '200': results, ...FAILURES },
  };
}

function create({ kind, type }: Kind, schema: Json): Json {
  return {
    operationId: `create_${kind}`,
    tags: [type],
    summary: `Create a ${type}`,
    parameters: WRITE,
    requestBody: body(schema),
    responses: { '201': answer('The new object', schema), ...FAILURES, '409': response('Conflict') },
  };
}

function get({ kind, type }: Kind, schema: Json): Json {
  const found = { description: 'The object', content: { 'application/json': { schema } } };
  return {
    operationId: `get_${kind}`,
    tags: [type],
    summary: `Get a ${type}`,
    parameters: SHAPE,
    responses: { '200': found, ...FAILURES, '404': response('NotFound') },
  };
}

const UPDATED: Json = {
  '404': response('NotFound'),
  '409': response('Conflict'),
  '412': response('PreconditionFailed'),
};

function replace({ kind, type }: Kind, schema: Json): Json {
  return {
    operationId: `replace_${kind}`,
    tags: [type],
    summary: `Replace a ${type}: fields that are left out go back to their defaults`,
    parameters: WRITE,
    requestBody: body(schema),
    responses: { '200': answer('The object as it is now', schema), ...FAILURES, ...UPDATED },
  };
}

function patch({ kind, type }: Kind, schema: Json): Json {
  return {
    operationId: `patch_${kind}`,
    tags: [type],
    summary: `Change some fields of a ${type}`,
    parameters: WRITE,
    requestBody: body({ $ref: '#/components/schemas/Patch' }),
    responses: { '200': answer('The object as it is now', schema), ...FAILURES, ...UPDATED },
  };
}

function remove({ kind, type }: Kind): Json {
  const gone = { description: 'Deleted' };
  return {
    operationId: `delete_${kind}`,
    tags: [type],
    summary: `Delete a ${type} that nothing refers to`,
    responses: { '204': gone, ...FAILURES, '404': response('NotFound') },
  };
}

function pathsOf(kind: Kind): Json {
  const schema = { $ref: `#/components/schemas/${kind.type}` };
  const one = { get: get(kind, schema), put: replace(kind, schema), patch: patch(kind, schema) };
  if (kind.singleton) return { [`/api/${kind.kind}`]: one };
  return {
    [`/api/${kind.kind}`]: { get: list(kind, schema), post: create(kind, schema) },
    [`/api/${kind.kind}/{uuid}`]: { parameters: [parameter('uuid')], ...one, delete: remove(kind) },
  };
}

/** The paths of every kind. */
export function kindPaths(): Json {
  return Object.assign({}, ...kindNames().map((kind) => pathsOf(kinds[kind]))) as Json;
}
