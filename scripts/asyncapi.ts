/**
 * Writes docs/asyncapi.json, the control channel, from the schemas that check its messages; with --check it says whether that
 * is current, and whether AsyncAPI's own schema takes it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { toJsonSchema } from '@valibot/to-json-schema';
import { Ajv } from 'ajv';
import { getDescription, type GenericSchema } from 'valibot';
import { DownMessage } from '../protocol/control-down.ts';
import { UpMessage } from '../protocol/control-up.ts';
import { ROOT } from './wrangler.ts';

const CHANNEL = '#/channels/control';

interface Message {
  readonly name: string;
  readonly schema: GenericSchema;
}

function messagesOf(variant: {
  readonly options: readonly (GenericSchema & {
    readonly entries: { readonly type: { readonly literal: string } };
  })[];
}): Message[] {
  return variant.options.map((schema) => ({ name: schema.entries.type.literal, schema }));
}

function message({ name, schema }: Message) {
  const {
    $schema: _dialect,
    description: _description,
    ...payload
  } = toJsonSchema(schema, {
    errorMode: 'ignore',
    typeMode: 'input',
  });
  const summary = getDescription(schema);
  return { name, contentType: 'application/json', ...(summary === undefined ? {} : { summary }), payload };
}

function document() {
  const down = messagesOf(DownMessage);
  const up = messagesOf(UpMessage);
  const references = (from: string, messages: readonly Message[]) =>
    messages.map(({ name }) => ({ $ref: `${from}/messages/${name}` }));
  const all = [...down, ...up];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Parley’s control channel',
      version: '1',
      description:
        'JSON text frames between those of the provider, for clients that ask by the subprotocol parley.v1, or by parley-control. Their type begins with parley., and none of them goes to a provider.',
    },
    defaultContentType: 'application/json',
    channels: {
      control: {
        address: '/v1/{account}/{gateway}/{provider}',
        description: 'The WebSocket of a session; see openapi.json for its parameters.',
        parameters: { account: {}, gateway: {}, provider: {} },
        messages: Object.fromEntries(
          all.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: { ws: {} },
      },
    },
    operations: {
      hear: {
        action: 'send',
        summary: 'What Parley says.',
        channel: { $ref: CHANNEL },
        messages: references(CHANNEL, down),
      },
      ask: {
        action: 'receive',
        summary: 'What clients may ask of Parley.',
        channel: { $ref: CHANNEL },
        messages: references(CHANNEL, up),
      },
    },
    components: { messages: Object.fromEntries(all.map((each) => [each.name, message(each)])) },
  };
}

const file = `${ROOT}docs/asyncapi.json`;
const text = `${JSON.stringify(document(), null, 2)}\n`;
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  console.error('docs/asyncapi.json is not what the schemas say. Run: npm run asyncapi');
  process.exit(1);
} else {
  const problems = problemsOf(JSON.parse(text));
  if (problems !== null) {
    console.error(problems);
    process.exit(1);
  }
}

/** What AsyncAPI's own JSON Schema says against it; null: nothing. The parser of AsyncAPI's would bring some 60 packages. */
function problemsOf(value: unknown): string | null {
  const path = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0.json');
  const schema: object = JSON.parse(readFileSync(path, 'utf8')) as object; // a JSON Schema, draft 7
  // The schema brings draft 7's own along.
  const ajv = new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false });
  const validate = ajv.compile(schema);
  return validate(value) ? null : `docs/asyncapi.json is not AsyncAPI 3: ${ajv.errorsText(validate.errors)}`;
}
