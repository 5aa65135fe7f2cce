/** OpenAI's usage objects, as our meters. */
import { asCount, asObject, asText, type JsonObject, type JsonValue, member } from '../protocol/json.ts';
import type { TokenCounts, Usage } from '../protocol/observations.ts';

/**
 * `response.done` → `response.usage`: text, audio and image by direction, the cached part of the input within it. Null
 * when there is none: a cancelled or failed response may carry no usage, and unknown is not zero.
 *
 * Where `cached_tokens` comes without its details, their modality is told as unknown. An object without counts, which
 * some providers of this wire send, is none.
 */
export function responseUsage(usage: JsonValue | undefined): Usage | null {
  const object = asObject(usage);
  if (object === undefined || !hasCounts(object)) return null;
  const input = member(object, 'input_token_details');
  const output = member(object, 'output_token_details');
  const cached = detailed(member(input, 'cached_tokens_details'));
  const cachedUnsplit = Math.max(0, (asCount(member(input, 'cached_tokens')) ?? 0) - sum(cached));
  return {
    unit: 'tokens',
    tokens: {
      input: counts(input, asCount(object['input_tokens'])),
      cached,
      ...(cachedUnsplit === 0 ? {} : { cachedUnsplit }),
      output: counts(output, asCount(object['output_tokens'])),
      reasoning: asCount(member(output, 'reasoning_tokens')) ?? 0,
    },
  };
}

function hasCounts(usage: JsonObject): boolean {
  return ['input_tokens', 'output_tokens', 'input_token_details', 'output_token_details'].some(
    (name) => usage[name] !== undefined && usage[name] !== null,
  );
}

/** `….input_audio_transcription.completed` → `usage`: tokens, or seconds of audio. */
export function transcriptionUsage(usage: JsonValue | undefined): Usage | null {
  const object = asObject(usage);
  switch (asText(member(object, 'type'))) {
    case 'tokens':
      return responseUsage(object);
    case 'duration': {
      const seconds = asCount(member(object, 'seconds'));
      return seconds === undefined ? null : { unit: 'seconds', seconds };
    }
    default:
      return null;
  }
}

/** What details leave out of their total is text, which is all that a session without audio has. */
function counts(details: JsonValue | undefined, total: number | undefined): TokenCounts {
  const known = detailed(details);
  return { ...known, text: known.text + Math.max(0, (total ?? 0) - sum(known)) };
}

function detailed(details: JsonValue | undefined): TokenCounts {
  return {
    text: asCount(member(details, 'text_tokens')) ?? 0,
    audio: asCount(member(details, 'audio_tokens')) ?? 0,
    image: asCount(member(details, 'image_tokens')) ?? 0,
  };
}

function sum({ text, audio, image }: TokenCounts): number {
  return text + audio + image;
}
