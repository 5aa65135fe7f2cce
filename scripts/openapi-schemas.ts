/** Parts of the API's document that are not in a schema of their own. */
import { toJsonSchema } from '@valibot/to-json-schema';
import type { GenericSchema, ObjectEntries, StrictObjectSchema } from 'valibot';
import { ERROR_CODES, publicError } from '../protocol/errors.ts';
import type { Forms } from '../protocol/media-types.ts';
import type { RequestHeader } from './openapi-operations.ts';

/** @param info of the page: `log`, where a reader of a live session goes on by `last_seq` */
export function envelope(shape: unknown, list: boolean, info: 'none' | 'page' | 'log') {
  const about = {
    type: 'object',
    properties: {
      count: { type: 'integer' },
      cursor: { type: ['string', 'null'] },
      per_page: { type: 'integer' },
      ...(info === 'log' ? { last_seq: { type: 'integer' } } : {}),
    },
  };
  return {
    type: 'object',
    required: ['success', 'errors', 'messages', 'result'],
    properties: {
      success: { const: true },
      errors: { type: 'array', maxItems: 0 },
      messages: { type: 'array' },
      result: list ? { type: 'array', items: shape } : shape,
      ...(info === 'none' ? {} : { result_info: about }),
    },
  };
}

export function pathParameters(path: string, forms: Forms = {}) {
  return [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'suffix' ? { enum: Object.keys(forms) } : { type: 'string' },
  }));
}

export function queryParameters(query: StrictObjectSchema<ObjectEntries, undefined> | undefined) {
  if (query === undefined) return [];
  return Object.entries(query.entries).map(([name, schema]) => ({
    name,
    in: 'query',
    schema: schemaOf(schema, 'input'),
  }));
}

const HEADERS: Readonly<Record<RequestHeader, string>> = {
  'If-None-Match': 'The ETag of what the reader has, several, or *. Ended sessions have one.',
  Range: 'One range of bytes, of an ended session.',
  'If-Range': 'The ETag of what the range is to go with.',
  'Last-Event-ID': 'Of server-sent events, the last that came.',
};

export function headerParameters(names: readonly RequestHeader[] = []) {
  return names.map((name) => ({
    name,
    in: 'header',
    description: HEADERS[name],
    schema: { type: 'string' },
  }));
}

/** What a transform makes of a parameter is ours; what may be sent is what the document is for. */
export function schemaOf(schema: GenericSchema, typeMode: 'input' | 'output') {
  const { $schema: _dialect, ...rest } = toJsonSchema(schema, { typeMode, errorMode: 'ignore' });
  return rest;
}

export function errorSchema() {
  return {
    type: 'object',
    required: ['success', 'errors'],
    properties: {
      success: { const: false },
      errors: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            code: { type: 'integer' },
            name: { enum: ERROR_CODES },
            message: {
              type: 'string',
              description: ERROR_CODES.map((code) => `${code}: ${publicError(code).message}`).join('\n'),
            },
          },
        },
      },
      messages: { type: 'array' },
      result: { type: 'null' },
    },
  };
}

/** RFC 9457. */
export function problemSchema() {
  return {
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      type: { type: 'string', format: 'uri' },
      title: { enum: ERROR_CODES },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { type: 'integer' },
    },
  };
}
