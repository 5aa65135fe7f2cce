/**
 * What an OpenAI Realtime session is made of, as far as it must be known to read its frames and to restore it. Plain
 * JSON; every function returns the same object when nothing changed.
 */
import { asArray, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import { bytesPerMs } from './audio-format.ts';
import type { KeptSound } from './openai-kept-sound.ts';

export type OpenResponse = {
  readonly id: string;
  readonly hasOutput: boolean;
  /** Items begun and not done, for the terminal events that clients are owed when the socket dies. */
  readonly items: readonly { readonly id: string; readonly index: number }[];
};

/** Steps of a restoration: waiting for the new socket's greeting, then for the answers to what was sent again. */
export type Restoring =
  | { readonly step: 'greeting' }
  | { readonly step: 'answers'; readonly missing: number };

export type OpenAIState = {
  /** The last whole configuration that the provider told. */
  readonly session: JsonObject | null;
  /** As the provider told of it, where it does. */
  readonly conversation?: JsonObject;
  /** What clients asked for, merged: it may hold what the provider does not echo. */
  readonly wanted: JsonObject;
  /** The conversation, in order, without audio bytes. */
  readonly items: readonly JsonObject[];
  readonly itemCharacters: number;
  /** True when older items were let go to keep the state bounded. */
  readonly forgot: boolean;
  readonly open: readonly OpenResponse[];
  /** response.create sent by clients, and not answered yet. */
  readonly asked: number;
  /** The user has begun to speak, or audio waits to be committed: none of it is an item yet. */
  readonly hearing: boolean;
  /** What the user said, where it is kept as sound; null: it is not. */
  readonly sound: KeptSound | null;
  readonly dials: number;
  readonly restoring: Restoring | null;
};

export const FRESH: OpenAIState = {
  session: null,
  wanted: {},
  items: [],
  itemCharacters: 0,
  forgot: false,
  open: [],
  asked: 0,
  hearing: false,
  sound: null,
  dials: 0,
  restoring: null,
};

/** The state stays well under 512 KiB: text of items, their number, and what a client may configure. */
const ITEMS_CHARACTERS = 192_000;
const ITEMS = 500;
const CONFIG_CHARACTERS = 64_000;
const OPEN_RESPONSES = 32;
const OPEN_ITEMS = 64;

/** Merges as `session.update` does: present fields change, nested objects merge, arrays and null replace. */
export function merge(base: JsonObject, change: JsonObject): JsonObject {
  const merged: Record<string, JsonValue> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    const into = asObject(Object.hasOwn(merged, key) ? merged[key] : undefined);
    const from = asObject(value);
    setOwn(merged, key, into !== undefined && from !== undefined ? merge(into, from) : value);
  }
  return merged;
}

/** A member named `__proto__` is data like any other, and must stay it. */
function setOwn(target: Record<string, JsonValue>, key: string, value: JsonValue): void {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}

export function withSession(state: OpenAIState, session: JsonObject): OpenAIState {
  return tooLong(session) ? state : { ...state, session };
}

export function withConversation(state: OpenAIState, conversation: JsonObject): OpenAIState {
  return tooLong(conversation) ? state : { ...state, conversation };
}

export function withWanted(state: OpenAIState, change: JsonObject): OpenAIState {
  const wanted = merge(state.wanted, change);
  return tooLong(wanted) ? state : { ...state, wanted };
}

function tooLong(config: JsonObject): boolean {
  return JSON.stringify(config).length > CONFIG_CHARACTERS;
}

/** Adds an item after `previous` (null = first, undefined or unknown = last), or replaces the one of its id. */
export function withItem(state: OpenAIState, item: JsonObject, previous: JsonValue | undefined): OpenAIState {
  const id = asText(item['id']);
  if (id === undefined) return state;
  const kept = withoutAudio(item);
  const at = indexOf(state, id);
  const items = [...state.items];
  if (at !== -1) items[at] = keepTranscripts(items[at] ?? kept, kept);
  else if (previous === null) items.unshift(kept);
  else {
    const after = indexOf(state, asText(previous) ?? '');
    items.splice(after === -1 ? items.length : after + 1, 0, kept);
  }
  return bounded({ ...state, items });
}

export function withoutItem(state: OpenAIState, id: string): OpenAIState {
  const at = indexOf(state, id);
  return at === -1 ? state : bounded({ ...state, items: state.items.toSpliced(at, 1) });
}

/** Changes every content part of an item. */
export function withParts(
  state: OpenAIState,
  id: string,
  change: (part: JsonObject) => JsonObject,
): OpenAIState {
  const at = indexOf(state, id);
  const item = state.items[at];
  if (item === undefined) return state;
  const content = (asArray(item['content']) ?? []).map((part) => {
    const object = asObject(part);
    return object === undefined ? part : change(object);
  });
  return bounded({ ...state, items: state.items.with(at, { ...item, content }) });
}

export function opened(state: OpenAIState, id: string): OpenAIState {
  const others = state.open.filter((each) => each.id !== id).slice(-(OPEN_RESPONSES - 1));
  return { ...state, asked: 0, open: [...others, { id, hasOutput: false, items: [] }] };
}

export function changeOpen(
  state: OpenAIState,
  id: string | undefined,
  change: (open: OpenResponse) => OpenResponse,
): OpenAIState {
  const at = state.open.findIndex((each) => each.id === id);
  const before = state.open[at];
  if (before === undefined) return state;
  const after = change(before);
  return after === before ? state : { ...state, open: state.open.with(at, after) };
}

export function withOpenItem(open: OpenResponse, id: string, index: number): OpenResponse {
  return { ...open, items: [...open.items.slice(-(OPEN_ITEMS - 1)), { id, index }] };
}

export function closed(state: OpenAIState, id: string | undefined): OpenAIState {
  const open = state.open.filter((each) => each.id !== id);
  return open.length === state.open.length ? state : { ...state, open };
}

/** What the beta wire, and providers that kept its flat sessions, call a setting of `audio.input` or `audio.output`. */
const FLAT = {
  input: {
    format: 'input_audio_format',
    transcription: 'input_audio_transcription',
    turn_detection: 'turn_detection',
  },
  output: { format: 'output_audio_format' },
} as const;

/** A setting of the input audio, wherever the session has it; undefined when it has none. */
export function inputSetting(
  state: Pick<OpenAIState, 'session' | 'wanted'>,
  name: 'transcription' | 'turn_detection',
): JsonValue | undefined {
  return audioSetting(state, 'input', name, FLAT.input[name]);
}

function audioSetting(
  { session, wanted }: Pick<OpenAIState, 'session' | 'wanted'>,
  direction: 'input' | 'output',
  name: string,
  flat: string,
): JsonValue | undefined {
  const config = session ?? wanted;
  const nested = member(member(member(config, 'audio'), direction), name);
  return nested === undefined ? member(config, flat) : nested;
}

/** True of a session as the beta wire has it. */
export function isBetaSession(session: JsonObject): boolean {
  return session['modalities'] !== undefined || session['input_audio_format'] !== undefined;
}

/** What a session says of the format in one direction; undefined: nothing, so it is PCM16 at 24 kHz. */
export function audioFormat(
  state: Pick<OpenAIState, 'session' | 'wanted'>,
  direction: 'input' | 'output',
): JsonValue | undefined {
  return audioSetting(state, direction, 'format', FLAT[direction].format);
}

/** Bytes for each millisecond in one direction; null when the format is not one that is known. */
export function audioRate(state: OpenAIState, direction: 'input' | 'output'): number | null {
  const format = audioFormat(state, direction);
  // The default, before a session says otherwise.
  if (format === undefined) return bytesPerMs('pcm16', 24_000);
  return formatRate(format);
}

/** Bytes for each millisecond of a format, by its object or by its beta name. */
export function formatRate(format: JsonValue): number | null {
  switch (asText(format) ?? asText(member(format, 'type'))) {
    case 'pcm16':
      return bytesPerMs('pcm16', 24_000);
    case 'audio/pcm': {
      const rate = member(format, 'rate');
      return bytesPerMs('pcm16', typeof rate === 'number' && rate > 0 ? rate : 24_000);
    }
    case 'audio/pcmu':
    case 'audio/pcma':
    case 'g711_ulaw':
    case 'g711_alaw':
      return bytesPerMs('g711', 8000);
    default:
      return null;
  }
}

function indexOf(state: OpenAIState, id: string): number {
  return state.items.findIndex((item) => item['id'] === id);
}

/** Audio is the bulk of an item, and restoring has no use for it. */
function withoutAudio(item: JsonObject): JsonObject {
  const content = asArray(item['content']);
  if (content === undefined) return item;
  return {
    ...item,
    content: content.map((part) => {
      const object = asObject(part);
      if (object === undefined || object['audio'] === undefined) return part;
      const { audio: _audio, ...rest } = object;
      return rest;
    }),
  };
}

/** A later copy of an item may lack the transcript that came in an event of its own. */
function keepTranscripts(before: JsonObject, after: JsonObject): JsonObject {
  const old = asArray(before['content']) ?? [];
  const content = asArray(after['content']);
  if (content === undefined) return after;
  return {
    ...after,
    content: content.map((part, index) => {
      const object = asObject(part);
      const transcript = asText(member(old[index], 'transcript'));
      if (object === undefined || transcript === undefined || typeof object['transcript'] === 'string')
        return part;
      return { ...object, transcript };
    }),
  };
}

function bounded(state: OpenAIState): OpenAIState {
  let { items, forgot } = state;
  let characters = sizeOf(items);
  while (items.length > 0 && (items.length > ITEMS || characters > ITEMS_CHARACTERS)) {
    const [oldest, ...rest] = items;
    characters -= JSON.stringify(oldest).length;
    items = rest;
    forgot = true;
  }
  return { ...state, items, itemCharacters: characters, forgot };
}

function sizeOf(items: readonly JsonObject[]): number {
  return items.reduce((sum, item) => sum + JSON.stringify(item).length, 0);
}

export function hasTurnDetection(state: OpenAIState): boolean {
  return inputSetting(state, 'turn_detection') !== null;
}
