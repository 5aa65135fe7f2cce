/** Where the sound is on OpenAI's other sockets: translations and GPT-Live. */
import { asCount, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import { rawSound, type SoundEvent, type SoundFormat } from '../protocol/sound.ts';
import type { Sender, SoundReader } from './adapter.ts';
import { neighbourOf } from './openai-neighbours.ts';
import { eventOf } from './openai-read.ts';
import { namedFormat, openaiSound, type OpenAISound, piece } from './openai-sound.ts';

type NeighbourSound = {
  readonly neighbour: 'translation' | 'live' | 'responses';
  /** As `session.start` has it; null: it did not say. */
  readonly format: JsonValue;
};

/** All of OpenAI's WebSockets. */
export const openaiSounds: SoundReader<OpenAISound | NeighbourSound> = {
  begin: ({ path, query }) => {
    const neighbour = neighbourOf(path.replace(/^v1\//, ''));
    return neighbour === null ? openaiSound.begin({ path, query }) : { neighbour, format: null };
  },
  read: (state, from, payload) => {
    if (!('neighbour' in state)) return openaiSound.read(state, from, payload);
    const event = eventOf(payload);
    if (event === undefined) return { state, events: [] };
    const next = withFormat(state, event);
    return { state: next, events: eventsOf(next, from, event) };
  },
};

function withFormat(state: NeighbourSound, event: JsonObject): NeighbourSound {
  const type = asText(event['type']);
  if (type !== 'session.start' && type !== 'session.started') return state;
  const format = member(member(event['session'], 'audio'), 'format');
  return format === undefined ? state : { ...state, format };
}

const PCM_24K: JsonValue = { type: 'audio/pcm', rate: 24_000 };

function eventsOf(state: NeighbourSound, from: Sender['side'], event: JsonObject): readonly SoundEvent[] {
  const format = namedFormat(state.format ?? PCM_24K);
  const utterance = asText(event['item_id']) ?? '';
  switch (asText(event['type'])) {
    case 'session.input_audio_buffer.append':
      return piece('user', format, event['audio'], '');
    case 'session.input_audio.append':
      // A side-band gets the user's audio from the provider.
      return piece('user', from === 'upstream' ? namedFormat(PCM_24K) : format, event['audio'], '');
    case 'session.output_audio.delta':
      return piece('model', outputFormat(event) ?? format, event['delta'], utterance);
    default:
      return [];
  }
}

/** A translation says it with each piece. */
function outputFormat(event: JsonObject): SoundFormat | null {
  const rate = asCount(event['sample_rate']);
  return rate === undefined
    ? null
    : rawSound({ pcm16: 's16le' }, 'pcm16', rate, asCount(event['channels']) ?? 1);
}
