/** The items of an OpenAI Realtime conversation: what a client may create, and what the service keeps of each. */
import { asArray, asObject, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { bytesPerMs, type Encoding } from './audio-format.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import {
  anything,
  boolean,
  byType,
  fields,
  invalidValue,
  list,
  nullable,
  oneOf,
  text,
  textUpTo,
} from './openai-rules.ts';
import type { Problem } from './openai-wire.ts';

export interface Sound {
  readonly bytes: Uint8Array;
  readonly encoding: Encoding;
}

export interface Item {
  readonly id: string;
  /** As the wire shows it: without audio. */
  wire: JsonObject;
  /** Of the one audio part, where there is one. */
  audio: Sound | null;
  /** What the simulator takes the words to be: written, transcribed, or spoken by itself. */
  words: string;
}

export type ItemReading =
  | { readonly ok: true; readonly item: Item }
  | { readonly ok: false; readonly problem: Problem };

const common = { id: textUpTo(32), type: text, object: text, status: anything };
const inputText = fields({ type: text, text }, 'text');
const inputAudio = fields({ type: text, audio: text, transcript: nullable(text) }, 'audio');
const inputImage = fields({ type: text, image_url: text, detail: anything }, 'image_url');
const outputText = fields({ type: text, text }, 'text');

const message = (
  ...parts: readonly (readonly [string, ReturnType<typeof fields>])[]
): ReturnType<typeof fields> =>
  fields(
    {
      ...common,
      role: oneOf('system', 'user', 'assistant'),
      content: list(byType(Object.fromEntries(parts))),
    },
    'role',
    'content',
  );

const MESSAGES: Readonly<Record<string, ReturnType<typeof fields>>> = {
  system: message(['input_text', inputText]),
  user: message(['input_text', inputText], ['input_audio', inputAudio], ['input_image', inputImage]),
  assistant: message(['output_text', outputText]),
};

const itemRule = byType({
  message: (value, path) => {
    const role = asText(asObject(value)?.['role']) ?? 'user';
    return (Object.hasOwn(MESSAGES, role) ? MESSAGES[role] : MESSAGES['user'])?.(value, path) ?? null;
  },
  function_call: fields({ ...common, name: text, arguments: text, call_id: text }, 'name', 'arguments'),
  function_call_output: fields({ ...common, call_id: text, output: text }, 'call_id', 'output'),
  mcp_approval_response: fields(
    { ...common, approval_request_id: text, approve: boolean, reason: nullable(text) },
    'approval_request_id',
    'approve',
  ),
});

/** Reads what a client sent as `item`. `newId` is called for each id that it left out. */
export function readItem(
  value: JsonValue | undefined,
  encoding: Encoding,
  path: string,
  newId: (prefix: string) => string,
): ItemReading {
  const problem = itemRule(value ?? null, path);
  if (problem !== null) return { ok: false, problem };
  const raw = asObject(value) ?? {};
  const id = asText(raw['id']) ?? newId('item');
  if (raw['type'] !== 'message') return { ok: true, item: plainItem(raw, id, newId) };
  const parts: JsonObject[] = [];
  let audio: Sound | null = null;
  let words = '';
  for (const [index, part] of (asArray(raw['content']) ?? []).entries()) {
    const object = asObject(part) ?? {};
    words += ` ${asText(object['text']) ?? asText(object['transcript']) ?? ''}`;
    if (object['type'] !== 'input_audio') {
      parts.push(object);
      continue;
    }
    const bytes = decodeBase64(asText(object['audio']) ?? '');
    if (bytes === null) {
      const where = `${path}.content[${index}].audio`;
      return {
        ok: false,
        problem: invalidValue(where, `Invalid '${where}'. Expected base64-encoded audio bytes.`),
      };
    }
    audio = { bytes, encoding };
    parts.push({ type: 'input_audio', transcript: object['transcript'] ?? null });
  }
  const wire = messageWire(id, asText(raw['role']) ?? 'user', 'completed', parts);
  return { ok: true, item: { id, wire, audio, words: words.trim() } };
}

function plainItem(raw: JsonObject, id: string, newId: (prefix: string) => string): Item {
  const wire: Record<string, JsonValue> = { ...raw, id, object: 'realtime.item', status: 'completed' };
  if (raw['type'] === 'function_call') wire['call_id'] = asText(raw['call_id']) ?? newId('call');
  return { id, wire, audio: null, words: asText(raw['output']) ?? '' };
}

export function messageWire(
  id: string,
  role: string,
  status: string,
  content: readonly JsonObject[],
): JsonObject {
  return { id, type: 'message', object: 'realtime.item', status, role, content };
}

export function audioMs(sound: Sound | null): number {
  return sound === null ? 0 : sound.bytes.length / bytesPerMs(sound.encoding);
}

/** As `conversation.item.retrieved` shows it: with its audio. */
export function retrieved(item: Item): JsonObject {
  const { audio } = item;
  if (audio === null) return item.wire;
  const content = (asArray(item.wire['content']) ?? []).map((part): JsonValue => {
    const object = asObject(part) ?? {};
    return object['type'] === 'input_audio' || object['type'] === 'output_audio'
      ? { ...object, audio: encodeBase64(audio.bytes), format: audio.encoding }
      : object;
  });
  return { ...item.wire, content };
}
