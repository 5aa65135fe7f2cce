/** Gemini's `usageMetadata`, as our meters. */
import { asArray, asCount, asObject, asText, type JsonValue, member } from '../protocol/json.ts';
import type { TokenCounts, TokenUsage } from '../protocol/observations.ts';

const NONE: TokenCounts = { text: 0, audio: 0, image: 0 };

/**
 * One snapshot: what one generation cost, its input being the whole context so far. Null when it counts nothing.
 *
 * Details need not add up to their count (a recorded session of 2026-09 lacks 25 of 522): the rest is `otherwise`, text
 * for the prompt. Thoughts are told beside the response and are billed as text of the output. `totalTokenCount` was seen
 * both with and without thoughts, so it is not used; the record keeps the object as it came.
 *
 * @param spoken whether the model answers in audio: what a response is that comes without details
 */
export function snapshotUsage(metadata: JsonValue | undefined, spoken: boolean): TokenUsage | null {
  const object = asObject(metadata);
  if (object === undefined) return null;
  const prompt = counts(object['promptTokensDetails'], asCount(object['promptTokenCount']), 'text');
  const tools = counts(
    object['toolUsePromptTokensDetails'],
    asCount(object['toolUsePromptTokenCount']),
    'text',
  );
  // Vertex names the response's counts after its candidates.
  const response = counts(
    object['responseTokensDetails'] ?? object['candidatesTokensDetails'],
    asCount(object['responseTokenCount']) ?? asCount(object['candidatesTokenCount']),
    spoken ? 'audio' : 'text',
  );
  const reasoning = asCount(object['thoughtsTokenCount']) ?? 0;
  const input = add(prompt, tools);
  const usage: TokenUsage = {
    input,
    cached: counts(object['cacheTokensDetails'], asCount(object['cachedContentTokenCount']), 'text'),
    output: { ...response, text: response.text + reasoning },
    reasoning,
  };
  return figures(usage).every((figure) => figure === 0) ? null : usage;
}

/**
 * What a snapshot adds to the one that was counted before in the same generation: all of it after none, and the growth after
 * one that it continues. A figure that shrank says that this is another generation, which counts whole. Null: nothing.
 *
 * @param before figures of the snapshot counted before
 */
export function growth(before: readonly number[] | null, now: TokenUsage): TokenUsage | null {
  const added = figures(now).map((figure, index) => figure - (before?.[index] ?? 0));
  if (added.some((figure) => figure < 0)) return now;
  return added.every((figure) => figure === 0) ? null : fromFigures(added);
}

/** Every figure of a usage, in one order. */
export function figures({ input, cached, output, reasoning }: TokenUsage): readonly number[] {
  return [...[input, cached, output].flatMap(({ text, audio, image }) => [text, audio, image]), reasoning];
}

function fromFigures(all: readonly number[]): TokenUsage {
  const at = (index: number): number => all[index] ?? 0;
  const of = (from: number): TokenCounts => ({ text: at(from), audio: at(from + 1), image: at(from + 2) });
  return { input: of(0), cached: of(3), output: of(6), reasoning: at(9) };
}

function counts(
  details: JsonValue | undefined,
  total: number | undefined,
  otherwise: keyof TokenCounts,
): TokenCounts {
  const sum = { ...NONE };
  for (const detail of asArray(details) ?? []) {
    sum[modalityOf(asText(member(detail, 'modality')))] += asCount(member(detail, 'tokenCount')) ?? 0;
  }
  const known = sum.text + sum.audio + sum.image;
  // The remainder of a prompt that was itemised is text, whatever the modality of a bare one.
  sum[known === 0 ? otherwise : 'text'] += Math.max(0, (total ?? 0) - known);
  return sum;
}

function modalityOf(name: string | undefined): keyof TokenCounts {
  switch (name) {
    case 'AUDIO':
      return 'audio';
    case 'IMAGE':
    case 'VIDEO':
      return 'image';
    default:
      return 'text';
  }
}

function add(a: TokenCounts, b: TokenCounts): TokenCounts {
  return { text: a.text + b.text, audio: a.audio + b.audio, image: a.image + b.image };
}
