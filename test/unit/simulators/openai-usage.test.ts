import { describe, expect, it } from 'vitest';
import { at, bytesOf, deltas, Drive, only, tone } from '../../support/drive-simulator.ts';
import type { JsonValue } from '../../../protocol/json.ts';

const count = (value: JsonValue | undefined, path: string): number => Number(at(value, path));

describe('usage', () => {
  it('P8 usage sums agree, grow with the history, and cache whole blocks of 64', () => {
    const drive = new Drive();
    drive.update({ instructions: 'You are an agent of a small shop. '.repeat(20) });
    let before = 0;
    let cachedBefore = 0;
    for (const text of ['one', 'two three', 'four five six', 'seven']) {
      const usage = at(only(drive.ask(text), 'response.done'), 'response.usage');
      const input = count(usage, 'input_tokens');
      const cached = count(usage, 'input_token_details.cached_tokens');
      expect(count(usage, 'total_tokens')).toBe(input + count(usage, 'output_tokens'));
      const sum = (path: string): number =>
        count(usage, `${path}.text_tokens`) +
        count(usage, `${path}.audio_tokens`) +
        count(usage, `${path}.image_tokens`);
      expect(input).toBe(sum('input_token_details'));
      expect(cached).toBe(sum('input_token_details.cached_tokens_details'));
      expect(count(usage, 'output_tokens')).toBe(
        count(usage, 'output_token_details.text_tokens') + count(usage, 'output_token_details.audio_tokens'),
      );
      expect(cached % 64).toBe(0);
      expect(cached).toBeLessThanOrEqual(before);
      expect(cached).toBeGreaterThanOrEqual(cachedBefore);
      for (const kind of ['text', 'audio', 'image']) {
        expect(count(usage, `input_token_details.cached_tokens_details.${kind}_tokens`)).toBeLessThanOrEqual(
          count(usage, `input_token_details.${kind}_tokens`),
        );
      }
      expect(input).toBeGreaterThan(before);
      before = input;
      cachedBefore = cached;
    }
    expect(cachedBefore).toBeGreaterThanOrEqual(128);
  });

  it('P8 audio is counted by time: a token each 100 ms of the user, each 50 ms of the assistant', () => {
    const drive = new Drive();
    drive.update({ audio: { input: { turn_detection: null } } });
    drive.speak(tone(2000)).send({ type: 'input_audio_buffer.commit' }).send({ type: 'response.create' });
    const events = drive.until('response.done').take();
    const usage = at(only(events, 'response.done'), 'response.usage');
    expect(count(usage, 'input_token_details.audio_tokens')).toBe(20);
    const bytes = deltas(events, 'response.output_audio.delta').reduce(
      (sum, delta) => sum + bytesOf(delta).length,
      0,
    );
    expect(count(usage, 'output_token_details.audio_tokens')).toBe(Math.ceil(bytes / 48 / 50));
  });

  it('P8 a response out of band is counted, and leaves the cache of the conversation alone', () => {
    const drive = new Drive();
    drive.update({
      instructions: 'You are an agent of a small shop. '.repeat(20),
      output_modalities: ['text'],
    });
    drive.ask('one');
    const side = only(
      drive.ask('two', { conversation: 'none', input: [], instructions: 'Something else.' }),
      'response.done',
    );
    expect(count(side, 'response.usage.total_tokens')).toBeGreaterThan(0);
    expect(count(side, 'response.usage.input_token_details.cached_tokens')).toBe(0);
    const next = only(drive.ask('three'), 'response.done');
    expect(count(next, 'response.usage.input_token_details.cached_tokens')).toBeGreaterThanOrEqual(128);
  });

  it('P8 the token allowance falls by what was used', () => {
    const events = new Drive().ask('hello');
    const total = count(only(events, 'response.done'), 'response.usage.total_tokens');
    const limits = only(events, 'rate_limits.updated');
    expect(at(limits, 'rate_limits.0')).toMatchObject({ name: 'tokens', limit: 40_000 });
    expect(count(limits, 'rate_limits.0.remaining')).toBeGreaterThanOrEqual(40_000 - total);
    expect(count(limits, 'rate_limits.0.remaining')).toBeLessThan(40_000);
  });
});
