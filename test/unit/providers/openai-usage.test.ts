import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../protocol/json.ts';
import { responseUsage } from '../../../providers/openai-usage.ts';

const tokensOf = (usage: JsonObject) => {
  const read = responseUsage(usage);
  if (read?.unit !== 'tokens') throw new Error('no tokens');
  return read.tokens;
};

describe('P8 usage on OpenAI’s wire', () => {
  it('P8 adds up to the provider’s own totals where details leave some out: the rest is text', () => {
    const { input, output, reasoning } = tokensOf({
      total_tokens: 250,
      input_tokens: 100,
      output_tokens: 150,
      input_token_details: { audio_tokens: 40 },
      output_token_details: { text_tokens: 30, audio_tokens: 91, reasoning_tokens: 29 },
    });
    expect(input).toEqual({ text: 60, audio: 40, image: 0 });
    expect(output).toEqual({ text: 59, audio: 91, image: 0 });
    expect(reasoning).toBe(29);
  });

  it('P8 says of cached tokens that come without their modality, in whole or in part, that they are not split', () => {
    const cachedOf = (details: JsonObject) => {
      const { cached, cachedUnsplit = 0 } = tokensOf({
        input_tokens: 132,
        input_token_details: { text_tokens: 119, audio_tokens: 13, ...details },
      });
      return [cached.text, cached.audio, cachedUnsplit];
    };
    expect(
      cachedOf({ cached_tokens: 64, cached_tokens_details: { text_tokens: 60, audio_tokens: 4 } }),
    ).toEqual([60, 4, 0]);
    expect(cachedOf({ cached_tokens: 64 })).toEqual([0, 0, 64]);
    expect(cachedOf({ cached_tokens: 64, cached_tokens_details: { text_tokens: 60 } })).toEqual([60, 0, 4]);
    expect(cachedOf({})).toEqual([0, 0, 0]);
  });
});
