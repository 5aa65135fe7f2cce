/** Writes docs/openapi.json from the schemas that check requests; with --check it only says whether it is current. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { EVENT_FORMS, JSON_FORM } from '../protocol/media-types.ts';
import { GATEWAY, type Operation, OPERATIONS, type RequestHeader } from './openapi-operations.ts';
import {
  envelope,
  errorSchema,
  headerParameters,
  pathParameters,
  problemSchema,
  queryParameters,
  schemaOf,
} from './openapi-schemas.ts';
import { ROOT } from './wrangler.ts';

const file = `${ROOT}docs/openapi.json`;
const text = `${JSON.stringify(document(), null, 2)}\n`;
if (process.argv.includes('--check')) {
  const { valid, errors } = await new Validator().validate(JSON.parse(text));
  if (!valid) {
    console.error('docs/openapi.json is not OpenAPI 3.1:', JSON.stringify(errors, null, 2));
    process.exit(1);
  }
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    console.error('docs/openapi.json is not what the schemas say. Run: npm run openapi');
    process.exit(1);
  }
} else writeFileSync(file, text);

function document() {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
    if (operation.forms === undefined) continue;
    const path = `${operation.path}.{suffix}`;
    paths[path] = { [operation.method]: describe({ ...operation, path }) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Parley',
      version: '1',
      description:
        'Sessions of a realtime AI broker: connect, read back, end, delete. Every GET but those of WebSockets also takes HEAD.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The admin token, or a client token (ek_…).' },
      },
      schemas: { Error: errorSchema(), Problem: problemSchema() },
    },
  };
}

function describe(operation: Operation) {
  const { summary, path, query, body, open } = operation;
  return {
    summary,
    ...(open === true ? { security: [] } : {}),
    parameters: [
      ...pathParameters(path, operation.forms),
      ...queryParameters(query),
      ...headerParameters(operation.headers),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { content: { 'application/json': { schema: schemaOf(body, 'input') } } } }),
    responses: {
      [statusOf(operation)]: answer(operation),
      ...Object.fromEntries(
        (operation.headers ?? []).flatMap((name) => Object.entries(otherwise(name, operation))),
      ),
      default: { description: 'An error.', content: errors() },
    },
  };
}

function errors() {
  return {
    'application/json': { schema: { $ref: '#/components/schemas/Error' } },
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  };
}

function statusOf({ path, accepted }: Operation): string {
  if (path === '/v1/realtime' || path.startsWith(`${GATEWAY}/{provider}`)) return '101';
  return accepted === true ? '202' : '200';
}

function schemaIn(media: string) {
  return { type: media === JSON_FORM.json ? 'object' : 'string' };
}

/** What else is answered because of a header. */
function otherwise(name: RequestHeader, { media = '' }: Operation): Record<string, object> {
  switch (name) {
    case 'If-None-Match':
      return { 304: { description: 'The reader has it already.' } };
    case 'Range':
      return {
        206: { description: 'The range.', content: { [media]: { schema: schemaIn(media) } } },
        416: { description: 'The range begins past the end.', content: errors() },
      };
    case 'Last-Event-ID':
      return { 204: { description: 'There is no more: a browser comes back no more.' } };
    case 'If-Range':
      return {};
  }
}

function answer({ summary, result, list, info, bare, media, forms = JSON_FORM }: Operation) {
  if (media !== undefined) return { description: summary, content: { [media]: { schema: schemaIn(media) } } };
  if (result === undefined) return { description: summary };
  const shape = schemaOf(result, 'output');
  const whole =
    bare === true ? shape : envelope(shape, list === true, info ?? (list === true ? 'page' : 'none'));
  const content = Object.fromEntries(
    Object.values(forms).map((type) => [
      type,
      { schema: type === JSON_FORM.json ? whole : type === EVENT_FORMS.ndjson ? shape : { type: 'string' } },
    ]),
  );
  return { description: summary, content };
}
