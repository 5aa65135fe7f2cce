/** Tokens as the service counts them, near enough: text by letters, audio by time, and a cache of earlier input. */
import { asArray, asObject, asText, type JsonObject } from '../protocol/json.ts';
import type { Amounts } from './ledger.ts';
import { audioMs, type Item } from './openai-items.ts';

export interface Tokens {
  readonly text: number;
  readonly audio: number;
  readonly image: number;
}

/** A piece of a response's input. Two inputs share a prefix as far as keys and counts agree. */
export interface Counted {
  readonly key: string;
  readonly tokens: Tokens;
}

const LETTERS_PER_TOKEN = 4;
const USER_MS_PER_TOKEN = 100;
export const ASSISTANT_MS_PER_TOKEN = 50;
/** Role and delimiters. */
const PER_ITEM = 4;
const PER_IMAGE = 256;
const CACHE_BLOCK = 64;

export function textTokens(text: string): number {
  return Math.ceil(text.length / LETTERS_PER_TOKEN);
}

function itemTokens(item: Item): Tokens {
  const { wire } = item;
  const perToken = wire['role'] === 'assistant' ? ASSISTANT_MS_PER_TOKEN : USER_MS_PER_TOKEN;
  const audio = Math.ceil(audioMs(item.audio) / perToken);
  const fields = [wire['name'], wire['arguments'], wire['output']]
    .map((field) => asText(field) ?? '')
    .join('');
  let text = PER_ITEM + textTokens(fields);
  let image = 0;
  for (const part of asArray(wire['content']) ?? []) {
    const object = asObject(part) ?? {};
    if (object['type'] === 'input_image') image += PER_IMAGE;
    // A user's transcript is for reference only: the model hears the sound.
    const words =
      object['type'] === 'input_audio' ? '' : (asText(object['text']) ?? asText(object['transcript']) ?? '');
    text += textTokens(words);
  }
  return { text, audio, image };
}

/** What a response reads: the instructions, the tools, then the items. */
export function countInput(config: JsonObject, items: readonly Item[]): readonly Counted[] {
  const head = `${asText(config['instructions']) ?? ''}${JSON.stringify(config['tools'] ?? [])}`;
  return [
    { key: head, tokens: { text: textTokens(head), audio: 0, image: 0 } },
    ...items.map((item) => ({ key: item.id, tokens: itemTokens(item) })),
  ];
}

function total(counted: readonly Counted[]): Tokens {
  const sum = { text: 0, audio: 0, image: 0 };
  for (const { tokens } of counted) {
    sum.text += tokens.text;
    sum.audio += tokens.audio;
    sum.image += tokens.image;
  }
  return sum;
}

function sharedPrefix(earlier: readonly Counted[], input: readonly Counted[]): readonly Counted[] {
  const differs = input.findIndex((piece, index) => {
    const other = earlier[index];
    if (other === undefined || other.key !== piece.key) return true;
    const { text, audio, image } = piece.tokens;
    return other.tokens.text !== text || other.tokens.audio !== audio || other.tokens.image !== image;
  });
  return differs === -1 ? input : input.slice(0, differs);
}

/** What a response costs. */
export interface Bill {
  readonly input: Tokens;
  readonly cached: Tokens;
  readonly output: { readonly text: number; readonly audio: number };
}

/** `earlier` is the input of the response before: what it shares with this one was cached, in whole blocks. */
export function billOf(input: readonly Counted[], earlier: readonly Counted[], output: Bill['output']): Bill {
  const sum = total(input);
  const shared = total(sharedPrefix(earlier, input));
  const cached = Math.floor((shared.text + shared.audio + shared.image) / CACHE_BLOCK) * CACHE_BLOCK;
  const text = Math.min(cached, shared.text);
  const audio = Math.min(cached - text, shared.audio);
  return { input: sum, cached: { text, audio, image: cached - text - audio }, output };
}

export function chargeOf({ input, cached, output }: Bill): Partial<Amounts> {
  return {
    input_text: input.text,
    input_audio: input.audio,
    input_image: input.image,
    cached_text: cached.text,
    cached_audio: cached.audio,
    cached_image: cached.image,
    output_text: output.text,
    output_audio: output.audio,
  };
}

/** A bill as `response.done` tells it. */
export function usageOf({ input, cached, output }: Bill): JsonObject {
  const inputTokens = input.text + input.audio + input.image;
  const outputTokens = output.text + output.audio;
  return {
    total_tokens: inputTokens + outputTokens,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    input_token_details: {
      text_tokens: input.text,
      audio_tokens: input.audio,
      image_tokens: input.image,
      cached_tokens: cached.text + cached.audio + cached.image,
      cached_tokens_details: {
        text_tokens: cached.text,
        audio_tokens: cached.audio,
        image_tokens: cached.image,
      },
    },
    output_token_details: { text_tokens: output.text, audio_tokens: output.audio },
  };
}

/** Of one transcription: minute-priced models report time, the others tokens. */
export function transcriptionCharge(model: string, ms: number, transcript: string): Partial<Amounts> {
  if (/whisper|^gpt-transcribe|^gpt-live-transcribe/.test(model)) {
    return { seconds: Math.round(ms / 10) / 100 };
  }
  return { input_audio: Math.ceil(ms / USER_MS_PER_TOKEN), output_text: textTokens(transcript) };
}

export function transcriptionUsage({ seconds, ...tokens }: Partial<Amounts>): JsonObject {
  if (seconds !== undefined) return { type: 'duration', seconds };
  const { input_audio: audio = 0, output_text: output = 0 } = tokens;
  return {
    type: 'tokens',
    total_tokens: audio + output,
    input_tokens: audio,
    input_token_details: { text_tokens: 0, audio_tokens: audio },
    output_tokens: output,
  };
}

/** Tokens of a response, in and out. */
export function totalTokens(bill: Bill | null): number {
  if (bill === null) return 0;
  const { input, output } = bill;
  return input.text + input.audio + input.image + output.text + output.audio;
}
