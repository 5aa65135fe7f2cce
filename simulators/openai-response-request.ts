/** What a `response.create` asks for, over what its session has. */
import { asArray, asObject, asText, member, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Encoding } from './audio-format.ts';
import { outputOf, outputRule, SPEAKING_RULES } from './openai-config.ts';
import type { Conversation } from './openai-conversation.ts';
import { readItem, type Item } from './openai-items.ts';
import type { ResponseRequest } from './openai-response.ts';
import { anyObject, fields, invalidValue, list, nullable, oneOf, type Rule } from './openai-rules.ts';
import type { Problem } from './openai-wire.ts';

const MOST_METADATA = 16;
const LONGEST_METADATA_KEY = 64;
const LONGEST_METADATA_VALUE = 512;

const metadataRule: Rule = (value, path) => {
  const problem = anyObject(value, path);
  if (problem !== null) return problem;
  const pairs = Object.entries(asObject(value) ?? {});
  if (pairs.length > MOST_METADATA)
    return invalidValue(path, `Invalid '${path}': at most ${MOST_METADATA} pairs.`);
  const bad = pairs.find(([key, text]) => {
    return (
      key.length > LONGEST_METADATA_KEY || typeof text !== 'string' || text.length > LONGEST_METADATA_VALUE
    );
  });
  if (bad === undefined) return null;
  return invalidValue(
    path,
    `Invalid '${path}.${bad[0].slice(0, LONGEST_METADATA_KEY)}': expected a short key and a string.`,
  );
};

const responseRule = fields({
  ...SPEAKING_RULES,
  conversation: oneOf('auto', 'none'),
  input: list(anyObject),
  metadata: nullable(metadataRule),
  audio: fields({ output: outputRule }),
});

interface Surroundings {
  /** The request of a bare `response.create`. */
  readonly plain: ResponseRequest;
  readonly conversation: Conversation;
  readonly encoding: Encoding;
  readonly spoken: boolean;
  readonly newId: (prefix: string) => string;
}

type Reading<T> =
  | { readonly ok: true; readonly request: T }
  | { readonly ok: false; readonly problem: Problem };

export function readResponseRequest(
  value: JsonValue | undefined,
  around: Surroundings,
): Reading<ResponseRequest> {
  const { plain } = around;
  if (value === undefined || value === null) return { ok: true, request: plain };
  const problem = responseRule(value, 'response') ?? voiceProblem(value, around);
  if (problem !== null) return { ok: false, problem };
  const { conversation, input, metadata = null, audio, ...overrides } = asObject(value) ?? {};
  const session = asObject(plain.config['audio']) ?? {};
  const output = { ...outputOf(plain.config), ...asObject(member(audio, 'output')) };
  const items = readInput(input, around);
  if (!items.ok) return items;
  const config: JsonObject = { ...plain.config, ...overrides, audio: { ...session, output } };
  const inConversation = conversation !== 'none';
  return { ok: true, request: { ...plain, config, inConversation, metadata, input: items.request } };
}

function voiceProblem(value: JsonValue, { plain, spoken }: Surroundings): Problem | null {
  const voice = member(member(member(value, 'audio'), 'output'), 'voice');
  const current = outputOf(plain.config)['voice'];
  const outOfBand = member(value, 'conversation') === 'none';
  if (!spoken || outOfBand || voice === undefined || JSON.stringify(voice) === JSON.stringify(current))
    return null;
  const message = "Cannot update a conversation's voice if assistant audio is present.";
  return { code: 'cannot_update_voice', message, param: 'response.audio.output.voice' };
}

/** An explicit input stands in place of the conversation. */
function readInput(input: JsonValue | undefined, around: Surroundings): Reading<readonly Item[]> {
  if (input === undefined) return { ok: true, request: around.plain.input };
  const items: Item[] = [];
  for (const [index, entry] of (asArray(input) ?? []).entries()) {
    const path = `response.input[${index}]`;
    if (member(entry, 'type') === 'item_reference') {
      const item = around.conversation.find(member(entry, 'id'));
      if (item === undefined) {
        const id = asText(member(entry, 'id')) ?? '';
        return { ok: false, problem: invalidValue(`${path}.id`, `Item with item_id '${id}' not found.`) };
      }
      items.push(item);
      continue;
    }
    const reading = readItem(entry, around.encoding, path, around.newId);
    if (!reading.ok) return { ok: false, problem: reading.problem };
    items.push(reading.item);
  }
  return { ok: true, request: items };
}
