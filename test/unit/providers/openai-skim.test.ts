import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Sender } from '../../../providers/adapter.ts';
import { openaiRealtime as openai } from '../../../providers/openai.ts';
import { FRESH } from '../../../providers/openai-state.ts';

const sender: fc.Arbitrary<Sender> = fc.constantFrom<Sender>(
  { side: 'upstream' },
  { side: 'client', client: 'c1' },
);

describe('P5 frames whose meaning shows at their head', () => {
  it('P5 whatever the members and their order, skim says what read says', () => {
    let skimmed = 0;
    // Members may come twice, and a `type` may hide behind an escape: what counts is what a parser makes of them.
    const order = fc.array(
      fc.constantFrom(
        ...([
          'type',
          'type',
          'again',
          'escaped',
          'event_id',
          'response_id',
          'delta',
          'audio',
          'extra',
        ] as const),
      ),
      { minLength: 2, maxLength: 7 },
    );
    const type = fc.constantFrom(
      'response.output_audio.delta',
      'input_audio_buffer.append',
      'response.output_text.delta',
      'input_audio_buffer.speech_stopped',
      'response.created',
      'no.such.type',
    );
    const members = fc.record({
      type,
      again: type,
      escaped: type,
      event_id: fc.string({ maxLength: 8 }),
      response_id: fc.constantFrom('r1', 'r2'),
      delta: fc.base64String({ minLength: 240, maxLength: 400 }),
      audio: fc.oneof(fc.base64String({ minLength: 240, maxLength: 400 }), fc.string({ minLength: 240 })),
      extra: fc.oneof(fc.constant('"delta":"'), fc.jsonValue({ maxDepth: 1 })),
    });
    let base = FRESH;
    for (const text of [
      '{"type":"response.created","response":{"id":"r1"}}',
      '{"type":"response.output_audio.delta","response_id":"r1","delta":"AAAA"}',
      '{"type":"response.created","response":{"id":"r2"}}',
    ]) {
      base = openai.read(base, { side: 'upstream' }, text).state;
    }
    fc.assert(
      fc.property(order, members, sender, (keys, values, from) => {
        const name = (key: (typeof keys)[number]): string =>
          key === 'again' ? '"type"' : key === 'escaped' ? '"\\u0074ype"' : `"${key}"`;
        const text = `{${keys.map((key) => `${name(key)}:${JSON.stringify(values[key])}`).join(',')}}`;
        const observed = openai.skim?.(base, from, text) ?? null;
        if (observed === null) return;
        skimmed += 1;
        const reading = openai.read(base, from, text);
        expect(reading.observations).toEqual(observed);
        expect(reading.route).toBe('across');
        expect(reading.state).toBe(base);
        expect(reading.send).toBeUndefined();
      }),
      { numRuns: 10_000 },
    );
    expect(skimmed).toBeGreaterThan(100);
  });
});
