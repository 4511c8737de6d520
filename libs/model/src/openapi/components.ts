import type { Json } from '../walk.js';

const query = (name: string, schema: Json, description: string): Json => ({
  name,
  in: 'query',
  required: false,
  schema,
  description,
});
const text: Json = { type: 'string' };
const flag: Json = { type: 'string', enum: ['true', 'false', ''] };

export const PARAMETERS: Json = {
  uuid: { name: 'uuid', in: 'path', required: true, schema: text },
  name: query(
    'name',
    text,
    'Objects of this name; also name.contains, name.icontains, name.in=a,b, and the same for any field',
  ),
  search: query('search', text, 'Objects that contain this text in any field, or (field,text)'),
  isearch: query('isearch', text, 'As search, whatever the case'),
  sort: query('sort', text, 'A field to order by; a minus sign before it turns the order round'),
  exclude: query('exclude', text, 'The name of another filter of this query, which is negated'),
  refers_to: query('refers_to', text, 'Objects that refer to this one, pool:<uuid>'),
  referred_by: query('referred_by', text, 'Objects that this one refers to, virtualservice:<uuid>'),
  page: query('page', { type: 'integer', minimum: 1, default: 1 }, 'The page'),
  page_size: query('page_size', { type: 'integer', minimum: 1, maximum: 200 }, 'Objects per page'),
  fields: query('fields', text, 'Only these fields, comma-separated; uuid, url and name are always there'),
  include_name: query('include_name', flag, 'References end in #name; an empty value is true'),
  skip_default: query('skip_default', flag, 'Leave out what equals its default'),
  strict: query(
    'strict',
    flag,
    'Refuse fields that are unknown or have no effect yet, instead of naming them in headers',
  ),
};

export const HEADERS: Json = {
  Unknown: {
    schema: text,
    description: 'Fields of the request that the schema does not have; they were dropped',
  },
  Unhonoured: { schema: text, description: 'Fields of the request that are stored and have no effect yet' },
};

const failure = (description: string): Json => ({
  description,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
});

export const RESPONSES: Json = {
  BadRequest: failure('A field is not allowed; the text names field, value, what is allowed and what to do'),
  Unauthorized: failure('No session, or a CSRF token that does not match'),
  Forbidden: failure('The role does not allow it, or the object is in use'),
  NotFound: failure('There is no such object'),
  Conflict: failure('The name is taken'),
  PreconditionFailed: failure('The object has changed since; read it again'),
};

export const SHARED_SCHEMAS: Json = {
  Error: {
    type: 'object',
    required: ['error'],
    properties: { error: { type: 'string', description: 'What is wrong and what to do about it' } },
    additionalProperties: true,
  },
  Patch: {
    type: 'object',
    minProperties: 1,
    properties: {
      add: {
        type: 'object',
        description: 'Sets scalars, merges messages, merges or appends elements of lists',
      },
      replace: { type: 'object', description: 'Sets scalars, messages and whole lists' },
      delete: { type: 'object', description: 'Takes fields, or matching elements of lists, away' },
      json_patch: {
        type: 'array',
        description: 'Operations of RFC 6902',
        items: {
          type: 'object',
          required: ['op', 'path'],
          properties: {
            op: { type: 'string', enum: ['add', 'remove', 'replace', 'move', 'copy', 'test'] },
            path: text,
            from: text,
            value: {},
          },
        },
      },
    },
  },
};

export const SECURITY_SCHEMES: Json = {
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'avi-sessionid',
    description: 'From POST /login; writes also need X-CSRFToken',
  },
  basic: { type: 'http', scheme: 'basic' },
};
