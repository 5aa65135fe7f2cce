/** Where the sound is on OpenAI's realtime wire, in both of its versions. */
import {
  asArray,
  asCount,
  asObject,
  asText,
  type JsonObject,
  type JsonValue,
  member,
} from '../protocol/json.ts';
import { type Coding, rawSound, type SoundEvent, type SoundFormat } from '../protocol/sound.ts';
import type { SoundReader, SoundReading } from './adapter.ts';
import { eventOf } from './openai-read.ts';
import {
  audioFormat,
  FRESH,
  inputSetting,
  type OpenAIState,
  withSession,
  withWanted,
} from './openai-state.ts';

export type OpenAISound = Pick<OpenAIState, 'session' | 'wanted'> & {
  /** The format in which a client said it speaks from now on; null once the provider has said what holds. */
  readonly announced: JsonValue;
};

const RATE = 24_000;
const G711_RATE = 8_000;
const CODINGS: Readonly<Record<string, Coding>> = {
  pcm16: 's16le',
  'audio/pcm': 's16le',
  'audio/pcmu': 'mulaw',
  'audio/pcma': 'alaw',
  g711_ulaw: 'mulaw',
  g711_alaw: 'alaw',
};

export const openaiSound: SoundReader<OpenAISound> = {
  begin: () => ({ session: null, wanted: {}, announced: null }),
  read: (state, from, payload) => {
    const event = eventOf(payload);
    if (event === undefined) return { state, events: [] };
    return from === 'client' ? readClient(state, event) : readServer(state, event);
  },
};

function readClient(state: OpenAISound, event: JsonObject): SoundReading<OpenAISound> {
  switch (asText(event['type'])) {
    case 'input_audio_buffer.append':
      return { state, events: piece('user', spokenFormat(state), event['audio'], '') };
    case 'conversation.item.create':
      return { state, events: spokenItem(state, event['item']) };
    case 'session.update':
    case 'transcription_session.update':
      return { state: asking(state, asObject(event['session']) ?? {}), events: [] };
    case 'response.cancel':
    case 'output_audio_buffer.clear':
      return { state, events: [{ kind: 'cut' }] };
    case 'conversation.item.truncate':
      return { state, events: truncated(event) };
    default:
      return { state, events: [] };
  }
}

function readServer(state: OpenAISound, event: JsonObject): SoundReading<OpenAISound> {
  switch (asText(event['type'])) {
    case 'response.output_audio.delta':
    case 'response.audio.delta': {
      const utterance = asText(event['item_id']) ?? asText(event['response_id']) ?? '';
      return {
        state,
        events: piece('model', formatOf(audioFormat(state, 'output')), event['delta'], utterance),
      };
    }
    case 'session.created':
    case 'transcription_session.created':
      return { state: holding(state, asObject(event['session'])), events: [] };
    case 'session.updated':
    case 'transcription_session.updated':
      return { state: { ...holding(state, asObject(event['session'])), announced: null }, events: [] };
    // It may be the change that is refused.
    case 'error':
      return { state: { ...state, announced: null }, events: [] };
    case 'input_audio_buffer.speech_started':
      return { state, events: isInterrupting(state) ? [{ kind: 'cut' }] : [] };
    case 'conversation.item.truncated':
      return { state, events: truncated(event) };
    default:
      return { state, events: [] };
  }
}

/** A client need not wait for the answer: what it sends next is in the format that it said. */
function asking(state: OpenAISound, change: JsonObject): OpenAISound {
  const { wanted } = withWanted({ ...FRESH, wanted: state.wanted }, change);
  // Too long to be kept.
  if (wanted === state.wanted) return state;
  const announced = audioFormat({ session: change, wanted: {} }, 'input') ?? state.announced;
  return { ...state, wanted: audioPart(wanted), announced };
}

function holding(state: OpenAISound, config: JsonObject | undefined): OpenAISound {
  if (config === undefined) return state;
  const { session } = withSession({ ...FRESH, session: state.session }, config);
  return { ...state, session: session === null ? null : audioPart(session) };
}

/** Only what tells a format or who interrupts: the rest of a configuration, such as its tools, is of no use here. */
const AUDIO_MEMBERS = ['audio', 'input_audio_format', 'output_audio_format', 'turn_detection'];

function audioPart(config: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(config).filter(([name]) => AUDIO_MEMBERS.includes(name)));
}

function isInterrupting(state: OpenAISound): boolean {
  return member(inputSetting(state, 'turn_detection'), 'interrupt_response') !== false;
}

function spokenFormat(state: OpenAISound): SoundFormat {
  // Records of before have no `announced`.
  return formatOf(state.announced ?? audioFormat(state, 'input'));
}

function formatOf(format: JsonValue | undefined): SoundFormat {
  return format === undefined ? rawSound(CODINGS, 'pcm16', RATE) : namedFormat(format);
}

/** By its object or by its beta name. */
export function namedFormat(format: JsonValue): SoundFormat {
  const name = asText(format) ?? asText(member(format, 'type'));
  const isLinear = CODINGS[name ?? ''] === 's16le';
  return rawSound(CODINGS, name, isLinear ? (asCount(member(format, 'rate')) ?? RATE) : G711_RATE);
}

export function piece(
  speaker: 'user' | 'model',
  format: SoundFormat,
  base64: JsonValue | undefined,
  utterance: string,
): readonly SoundEvent[] {
  const data = asText(base64) ?? '';
  return data === '' ? [] : [{ kind: 'piece', speaker, utterance, format, data }];
}

/** What the user said may come as an item of its own. */
function spokenItem(state: OpenAISound, item: JsonValue | undefined): readonly SoundEvent[] {
  if (member(item, 'role') !== 'user') return [];
  return (asArray(member(item, 'content')) ?? []).flatMap((part) =>
    member(part, 'type') === 'input_audio'
      ? piece('user', spokenFormat(state), member(part, 'audio'), '')
      : [],
  );
}

function truncated(event: JsonObject): readonly SoundEvent[] {
  const utterance = asText(event['item_id']);
  const ms = asCount(event['audio_end_ms']);
  return utterance === undefined || ms === undefined ? [] : [{ kind: 'cut', played: { utterance, ms } }];
}
