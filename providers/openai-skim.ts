/**
 * Frames whose meaning shows at their head, so that they need not be parsed: audio, which is nearly every frame of a
 * voice session, and events that carry nothing for us.
 */
import { asText, member, parseJson } from '../protocol/json.ts';
import type { AudioObservation, Observation } from '../protocol/observations.ts';
import type { Payload, Sender } from './adapter.ts';
import { base64Bytes } from './audio-format.ts';
import { audioRate, hasTurnDetection, type OpenAIState } from './openai-state.ts';

const HEAD = '{"type":"';
const HEAD_MAX = 512;

/** The audio must be the frame's last member, or what follows it could say otherwise. */
const AUDIO = {
  // The second name is that of the beta wire.
  upstream: { types: ['response.output_audio.delta', 'response.audio.delta'], member: '"delta":"' },
  client: { types: ['input_audio_buffer.append'], member: '"audio":"' },
} satisfies Record<Sender['side'], { readonly types: readonly string[]; readonly member: string }>;

/** Types that `readServerEvent` and `readClientEvent` look into. */
const READ: Record<Sender['side'], ReadonlySet<string>> = {
  upstream: new Set([
    'error',
    'session.created',
    'session.updated',
    'transcription_session.created',
    'transcription_session.updated',
    'conversation.created',
    'conversation.item.added',
    'conversation.item.created',
    'conversation.item.done',
    'conversation.item.deleted',
    'conversation.item.truncated',
    'conversation.item.input_audio_transcription.completed',
    'conversation.item.input_audio_transcription.failed',
    'input_audio_buffer.speech_started',
    'input_audio_buffer.speech_stopped',
    'input_audio_buffer.committed',
    'input_audio_buffer.cleared',
    'response.created',
    'response.output_text.delta',
    'response.text.delta',
    'response.output_text.done',
    'response.text.done',
    'response.output_audio_transcript.done',
    'response.audio_transcript.done',
    'response.output_item.added',
    'response.output_item.done',
    'response.done',
  ]),
  client: new Set([
    'input_audio_buffer.commit',
    'session.update',
    'transcription_session.update',
    'response.create',
  ]),
};

const NOTHING: readonly Observation[] = [];

/** What a frame says, or null when that is not certain without parsing it. */
export function skim(state: OpenAIState, from: Sender, payload: Payload): readonly Observation[] | null {
  if (typeof payload !== 'string' || !payload.startsWith(HEAD) || state.restoring !== null) return null;
  // Where sound is kept, it is in the client's frames.
  if (from.side === 'client' && state.sound !== null) return null;
  const type = payload.slice(HEAD.length, payload.indexOf('"', HEAD.length));
  if (isAudio(from, type)) return skimAudio(state, from, payload);
  if (READ[from.side].has(type)) return null;
  // A second `type`, or one that is hidden by escapes, would be another event.
  return payload.includes('"type"', HEAD.length) || payload.includes('\\') ? null : NOTHING;
}

function skimAudio(state: OpenAIState, from: Sender, payload: string): readonly Observation[] | null {
  const { member: name } = AUDIO[from.side];
  const start = payload.indexOf(name) + name.length;
  if (start < name.length || start > HEAD_MAX || !payload.endsWith('"}')) return null;
  // The string must reach to the end; an escape inside it would make it another string.
  const end = payload.length - 2;
  if (payload.indexOf('"', start) !== end || payload.includes('\\', start)) return null;
  const event = parseJson(`${payload.slice(0, start)}"}`);
  if (!isAudio(from, asText(member(event, 'type')))) return null;
  const down = from.side === 'upstream';
  // The first of an utterance changes the state.
  if (!down && !state.hearing && !hasTurnDetection(state)) return null;
  if (down && isFirstOutput(state, asText(member(event, 'response_id')))) return null;
  return [audioObservation(state, down ? 'model' : 'user', payload.slice(start, end))];
}

function isAudio(from: Sender, type: string | undefined): boolean {
  return type !== undefined && AUDIO[from.side].types.includes(type);
}

export function audioObservation(
  state: OpenAIState,
  speaker: 'user' | 'model',
  base64: string,
): AudioObservation {
  const bytes = base64Bytes(base64);
  const rate = audioRate(state, speaker === 'user' ? 'input' : 'output');
  return { kind: 'audio', speaker, bytes, ms: rate === null ? null : bytes / rate };
}

/** The first output of a response is an event of its own, so it must be read. */
function isFirstOutput(state: OpenAIState, responseId: string | undefined): boolean {
  return state.open.some((open) => open.id === responseId && !open.hasOutput);
}
