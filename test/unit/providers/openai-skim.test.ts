import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Sender } from '../../../providers/adapter.ts';
import { openaiRealtime as openai } from '../../../providers/openai.ts';
import { FRESH, type OpenAIState } from '../../../providers/openai-state.ts';

const sender: fc.Arbitrary<Sender> = fc.constantFrom<Sender>(
  { side: 'upstream' },
  { side: 'client', client: 'c1' },
);

/** All of the wire, and one that is not. */
const TYPES = [
  'error',
  'conversation.created',
  'rate_limits.updated',
  'no.such.type',
  ...['created', 'updated', 'update'].flatMap((what) => [`session.${what}`, `transcription_session.${what}`]),
  ...['append', 'commit', 'clear', 'committed', 'cleared', 'speech_started', 'speech_stopped'].map(
    (what) => `input_audio_buffer.${what}`,
  ),
  ...['added', 'created', 'done', 'deleted', 'truncated', 'retrieved', 'create', 'delete'].map(
    (what) => `conversation.item.${what}`,
  ),
  ...['delta', 'segment', 'completed', 'failed'].map(
    (what) => `conversation.item.input_audio_transcription.${what}`,
  ),
  ...['create', 'created', 'done', 'cancel'].map((what) => `response.${what}`),
  ...['added', 'done'].flatMap((what) => [`response.output_item.${what}`, `response.content_part.${what}`]),
  ...['output_audio', 'output_text', 'output_audio_transcript', 'audio', 'text', 'audio_transcript'].flatMap(
    (part) => [`response.${part}.delta`, `response.${part}.done`],
  ),
  ...['delta', 'done'].map((what) => `response.function_call_arguments.${what}`),
];

const HEARING = [
  '{"type":"response.created","response":{"id":"r1"}}',
  '{"type":"response.output_audio.delta","response_id":"r1","delta":"AAAA"}',
  '{"type":"response.created","response":{"id":"r2"}}',
  '{"type":"conversation.item.added","item":{"id":"i1","content":[{"type":"input_audio","transcript":"hi"}]}}',
  '{"type":"input_audio_buffer.speech_started"}',
].reduce((state, text) => openai.read(state, { side: 'upstream' }, text).state, FRESH);
/** Without detection of speech a commit is what asks. */
const PUSH_TO_TALK = openai.read(
  HEARING,
  { side: 'client', client: 'c1' },
  '{"type":"session.update","session":{"audio":{"input":{"turn_detection":null}}}}',
).state;
const STATES = [HEARING, { ...HEARING, hearing: false }, PUSH_TO_TALK];

/** What a parser makes of it must be just that, where skim says anything. Returns whether it did. */
function agrees(state: OpenAIState, from: Sender, text: string): boolean {
  const observed = openai.skim?.(state, from, text) ?? null;
  if (observed === null) return false;
  const reading = openai.read(state, from, text);
  expect(reading.observations).toEqual(observed);
  expect(reading.route).toBe('across');
  expect(reading.state).toBe(state);
  expect(reading.send).toBeUndefined();
  return true;
}

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
          'item',
          'item_id',
          'response',
          'session',
          'transcript',
          'error',
          'extra',
        ] as const),
      ),
      { minLength: 2, maxLength: 9 },
    );
    const type = fc.constantFrom(...TYPES);
    const members = fc.record({
      type,
      again: type,
      escaped: type,
      event_id: fc.string({ maxLength: 8 }),
      response_id: fc.constantFrom('r1', 'r2'),
      delta: fc.base64String({ minLength: 240, maxLength: 400 }),
      audio: fc.oneof(fc.base64String({ minLength: 240, maxLength: 400 }), fc.string({ minLength: 240 })),
      item: fc.constantFrom(
        { id: 'i1', type: 'message' },
        { id: 'i2', type: 'function_call', call_id: 'c1' },
      ),
      item_id: fc.constantFrom('i1', 'i2'),
      response: fc.constantFrom({ id: 'r1' }, { id: 'r3', status: 'completed' }),
      session: fc.constant({ model: 'gpt-realtime' }),
      transcript: fc.constant('hello'),
      error: fc.constant({ code: 'some_error' }),
      extra: fc.oneof(fc.constant('"delta":"'), fc.jsonValue({ maxDepth: 1 })),
    });
    fc.assert(
      fc.property(order, members, sender, fc.constantFrom(...STATES), (keys, values, from, base) => {
        const name = (key: (typeof keys)[number]): string =>
          key === 'again' ? '"type"' : key === 'escaped' ? '"\\u0074ype"' : `"${key}"`;
        const text = `{${keys.map((key) => `${name(key)}:${JSON.stringify(values[key])}`).join(',')}}`;
        if (agrees(base, from, text)) skimmed += 1;
      }),
      { numRuns: 10_000 },
    );
    expect(skimmed).toBeGreaterThan(100);
  });

  it.each(TYPES)('P5 %s: with everything that may be in it, skim says what read says', (type) => {
    const event = (response: string, item: object) =>
      JSON.stringify({
        type,
        response_id: response,
        item_id: 'i1',
        item,
        response: { id: 'r3', status: 'completed' },
        conversation: { id: 'conv' },
        session: { model: 'gpt-realtime' },
        transcript: 'hello',
        text: 'hello',
        error: { code: 'some_error' },
        audio: 'AAAA',
        delta: 'AAAA',
      });
    for (const state of STATES)
      for (const text of [
        event('r1', { id: 'i2' }),
        event('r2', { id: 'i2' }),
        event('r2', { id: 'i1', type: 'function_call' }),
      ]) {
        agrees(state, { side: 'upstream' }, text);
        agrees(state, { side: 'client', client: 'c1' }, text);
      }
  });
});
