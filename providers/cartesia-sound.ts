/** Where the sound is on Cartesia's sockets. Each context of speech has its own format, and is a line of its own. */
import {
  asCount,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
  parseJson,
} from '../protocol/json.ts';
import { type Coding, rawSound, type SoundEvent, type SoundFormat } from '../protocol/sound.ts';
import type { Payload, SoundReader, SoundReading } from './adapter.ts';

type Context = { readonly id: string; readonly format: SoundFormat; readonly isCancelled: boolean };
type CartesiaSound =
  | { readonly endpoint: 'tts'; readonly contexts: readonly Context[] }
  | { readonly endpoint: 'stt'; readonly format: SoundFormat };
type Speech = Extract<CartesiaSound, { endpoint: 'tts' }>;

const CODINGS: Readonly<Record<string, Coding>> = {
  pcm_f32le: 'f32le',
  pcm_s32le: 's32le',
  pcm_s16le: 's16le',
  pcm_f16le: 'f16le',
  pcm_mulaw: 'mulaw',
  pcm_alaw: 'alaw',
};
/** Cartesia's largest plan generates 60 contexts at once. */
const CONTEXTS = 64;
const ID_CHARACTERS = 256;

export const cartesiaSound: SoundReader<CartesiaSound> = {
  begin: ({ path, query }) => {
    if (!path.startsWith('stt/')) return { endpoint: 'tts', contexts: [] };
    const asked = new Map(query);
    return { endpoint: 'stt', format: formatOf(asked.get('encoding'), Number(asked.get('sample_rate'))) };
  },
  read: (state, from, payload) => {
    if (state.endpoint === 'stt')
      return { state, events: from === 'client' ? heard(state.format, payload) : [] };
    const event = typeof payload === 'string' ? asObject(parseJson(payload)) : undefined;
    if (event === undefined) return { state, events: [] };
    return from === 'client' ? readRequest(state, event) : readAnswer(state, event);
  },
};

function formatOf(encoding: JsonValue | undefined, rate: JsonValue | undefined): SoundFormat {
  return rawSound(CODINGS, asText(encoding), asCount(rate) ?? null);
}

function heard(format: SoundFormat, payload: Payload): readonly SoundEvent[] {
  if (typeof payload === 'string' || payload.byteLength === 0) return [];
  return [{ kind: 'piece', speaker: 'user', utterance: '', format, data: new Uint8Array(payload) }];
}

function readRequest(state: Speech, event: JsonObject): SoundReading<CartesiaSound> {
  const id = idOf(event);
  const context = state.contexts.find((each) => each.id === id);
  if (event['cancel'] === true) {
    if (context === undefined) return { state, events: [{ kind: 'cut', line: id }] };
    return { state: put(state, { ...context, isCancelled: true }), events: [{ kind: 'cut', line: id }] };
  }
  if (asText(event['transcript']) === undefined) return { state, events: [] };
  if (context !== undefined && !context.isCancelled) return { state, events: [] };
  const asked = event['output_format'];
  const format = formatOf(member(asked, 'encoding'), member(asked, 'sample_rate'));
  return { state: put(state, { id, format, isCancelled: false }), events: [] };
}

function readAnswer(state: Speech, event: JsonObject): SoundReading<CartesiaSound> {
  const id = idOf(event);
  const context = state.contexts.find((each) => each.id === id);
  switch (asText(event['type'])) {
    case 'chunk': {
      const data = asText(event['data']) ?? '';
      if (data === '' || context?.isCancelled === true) return { state, events: [] };
      const format = context?.format ?? { coding: null, name: 'unknown' };
      return { state, events: [{ kind: 'piece', speaker: 'model', line: id, utterance: id, format, data }] };
    }
    case 'done':
    case 'error':
      return {
        state: { ...state, contexts: state.contexts.filter((each) => each !== context) },
        events: [{ kind: 'end', line: id }],
      };
    default:
      return { state, events: [] };
  }
}

function put(state: Speech, context: Context): Speech {
  const others = state.contexts.filter(({ id }) => id !== context.id);
  return { ...state, contexts: [...others.slice(-(CONTEXTS - 1)), context] };
}

function idOf(event: JsonObject): string {
  return (asText(event['context_id']) ?? '').slice(0, ID_CHARACTERS);
}
