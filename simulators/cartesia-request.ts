/** Reads one generation request of Cartesia's text to speech, as strictly as the service does. */
import { asObject, asText, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { badRequest, type CartesiaError } from './cartesia-error.ts';
import type { RawFormat } from './cartesia-audio.ts';

export interface SpeechRequest {
  readonly contextId: string;
  readonly transcript: string;
  readonly voice: string;
  readonly format: RawFormat;
  readonly pace: number;
  readonly isLast: boolean;
  readonly flush: boolean;
  readonly maxDelayMs: number;
  readonly wordTimestamps: boolean;
  readonly phonemeTimestamps: boolean;
  /** What all requests of a context must have in common. */
  readonly envelope: string;
}

type Reading =
  | { readonly ok: true; readonly request: SpeechRequest }
  | { readonly ok: false; readonly error: CartesiaError };

const SPOKEN_ENCODINGS = new Set(['pcm_f32le', 'pcm_s16le', 'pcm_mulaw', 'pcm_alaw']);
const SAMPLE_RATES = new Set([8000, 16_000, 22_050, 24_000, 44_100, 48_000]);
const DEFAULT_DELAY_MS = 3000;
const LONGEST_DELAY_MS = 5000;

/** @param contextId already known to be there */
export function readSpeechRequest(event: JsonObject, contextId: string): Reading {
  const refuse = (message: string): Reading => ({ ok: false, error: badRequest(message) });
  const model = asText(event['model_id']);
  if (model === undefined || model === '') return refuse('model_id is required');
  if (!/^(sonic|sim-)/.test(model) || model === 'sonic-0') {
    const message = `The model ${model.slice(0, 64)} does not exist`;
    return { ok: false, error: { status: 400, code: 'model_not_found', title: 'Model not found', message } };
  }
  const transcript = asText(event['transcript']);
  if (transcript === undefined) return refuse('transcript is required');
  const voice = voiceOf(event['voice']);
  if (voice === undefined || voice === '') return refuse('voice is required');
  const format = readFormat(event['output_format']);
  if (typeof format === 'string') return refuse(format);
  const delay = event['max_buffer_delay_ms'] ?? DEFAULT_DELAY_MS;
  if (typeof delay !== 'number' || !(delay >= 0 && delay <= LONGEST_DELAY_MS))
    return refuse(`max_buffer_delay_ms must be from 0 to ${LONGEST_DELAY_MS}`);
  const pace = asObject(event['generation_config'])?.['speed'] ?? 1;
  if (typeof pace !== 'number' || !(pace >= 0.6 && pace <= 1.5))
    return refuse('generation_config.speed must be from 0.6 to 1.5');
  const request: SpeechRequest = {
    contextId,
    transcript,
    voice,
    format,
    pace,
    isLast: event['continue'] !== true,
    flush: event['flush'] === true,
    maxDelayMs: delay,
    wordTimestamps: event['add_timestamps'] === true,
    phonemeTimestamps: event['add_phoneme_timestamps'] === true,
    envelope: JSON.stringify([model, voice, format]),
  };
  return { ok: true, request };
}

/** `{mode: "id", id}` of old, `{id}`, or the id alone. */
function voiceOf(value: JsonValue | undefined): string | undefined {
  return asText(value) ?? asText(asObject(value)?.['id']);
}

/** The format, or what is wrong with it. */
function readFormat(value: JsonValue | undefined): RawFormat | string {
  const format = asObject(value);
  if (format === undefined) return 'output_format is required';
  if (format['container'] !== 'raw') return 'only the container raw is supported over WebSocket';
  const encoding = asText(format['encoding']);
  if (encoding === undefined || !SPOKEN_ENCODINGS.has(encoding))
    return `output_format.encoding must be one of ${[...SPOKEN_ENCODINGS].join(', ')}`;
  const sampleRate = format['sample_rate'];
  if (typeof sampleRate !== 'number' || !SAMPLE_RATES.has(sampleRate))
    return `output_format.sample_rate must be one of ${[...SAMPLE_RATES].join(', ')}`;
  return { encoding, sampleRate };
}
