/**
 * Audio frames, recognised without parsing the audio. In voice sessions nearly every frame is one, and parsing its
 * base64 is most of what reading would cost.
 */
import { asText, member, parseJson } from '../protocol/json.ts';
import type { AudioObservation } from '../protocol/observations.ts';
import type { Payload, Sender } from './adapter.ts';
import { base64Bytes } from './audio-format.ts';
import { audioRate, type OpenAIState } from './openai-state.ts';

/** Under this, parsing is as fast. */
const WORTH_IT = 256;
const HEAD_MAX = 512;

/** The ends of a head: the audio must be the frame's last member, or what follows it could say otherwise. */
const DOWN_TAIL = '"delta":"';
const UP_TAIL = '"audio":"';

/** Null when it is not certain that the frame is audio and nothing else. */
export function skimAudio(state: OpenAIState, from: Sender, payload: Payload): AudioObservation | null {
  if (typeof payload !== 'string' || payload.length < WORTH_IT || !payload.endsWith('"}')) return null;
  const start = payload.lastIndexOf('"', payload.length - 3) + 1;
  if (start > HEAD_MAX) return null;
  const down = from.side === 'upstream';
  const head = payload.slice(0, start);
  if (!head.endsWith(down ? DOWN_TAIL : UP_TAIL)) return null;
  // An escape inside the string would make it another string.
  if (payload.includes('\\', start)) return null;
  const event = parseJson(`${head}"}`);
  const type = asText(member(event, 'type'));
  if (type !== (down ? 'response.output_audio.delta' : 'input_audio_buffer.append')) return null;
  if (down && isFirstOutput(state, asText(member(event, 'response_id')))) return null;
  return audioObservation(state, down ? 'model' : 'user', payload.slice(start, -2));
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
