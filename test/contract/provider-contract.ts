/** What every provider's adapter must keep, whatever the provider. Run with each adapter and its recorded sessions. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../protocol/json.ts';
import type { Observation, TokenUsage } from '../../protocol/observations.ts';
import type { ConnectRequest, Payload, ProviderAdapter, Sender } from '../../providers/adapter.ts';
import { LIMITS } from '../../session/limits.ts';

export interface FixtureFrame {
  readonly from: 'upstream' | 'client';
  readonly text: string;
}

export interface Fixture {
  readonly name: string;
  readonly frames: readonly FixtureFrame[];
  /** The provider's own sum over the session. */
  readonly tokens: { readonly input: number; readonly output: number };
}

const CREDENTIAL = 'sk-canary-of-the-contract';
const REQUEST: ConnectRequest = {
  path: '',
  query: [['model', 'a-model']],
  headers: {},
  subprotocols: [],
  baseUrl: 'https://provider.example/v1',
  credential: CREDENTIAL,
};

const senderOf = ({ from }: FixtureFrame): Sender =>
  from === 'upstream' ? { side: 'upstream' } : { side: 'client', client: 'c1' };

const throughJson = (state: JsonValue): JsonValue => JSON.parse(JSON.stringify(state)) as JsonValue; // JSON in, JSON out

/** Reads as the broker does: by skim where it answers. */
function readAll(
  adapter: ProviderAdapter,
  frames: readonly FixtureFrame[],
  cut: (state: JsonValue) => JsonValue,
) {
  let state = adapter.restore(adapter.begin(REQUEST)).state;
  const observations: Observation[] = [];
  for (const frame of frames) {
    state = cut(state);
    const skimmed = adapter.skim?.(state, senderOf(frame), frame.text) ?? null;
    if (skimmed !== null) {
      observations.push(...skimmed);
      continue;
    }
    const reading = adapter.read(state, senderOf(frame), frame.text);
    state = reading.state;
    observations.push(...reading.observations);
  }
  return { state, observations };
}

const sum = ({ text, audio, image }: TokenUsage['input']) => text + audio + image;

function tokensOf(observations: readonly Observation[]) {
  const seen = new Set<string>();
  const total = { input: 0, output: 0 };
  for (const each of observations) {
    if (
      each.kind !== 'usage' ||
      each.purpose !== 'response' ||
      each.usage.unit !== 'tokens' ||
      seen.has(each.dedupeKey)
    )
      continue;
    seen.add(each.dedupeKey);
    total.input += sum(each.usage.tokens.input);
    total.output += sum(each.usage.tokens.output);
  }
  return total;
}

export function providerContract(adapter: ProviderAdapter, fixtures: readonly Fixture[]): void {
  const all = fixtures.flatMap(({ frames }) => frames);
  /** Frames of the fixtures, bent: cut, spliced, with members changed; and frames of nothing at all. */
  const bent = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.json({ maxDepth: 4 }),
    fc
      .tuple(fc.constantFrom(...all), fc.nat(400), fc.string({ maxLength: 5 }))
      .map(([{ text }, at, put]) => text.slice(0, at) + put + text.slice(at)),
    fc
      .tuple(fc.constantFrom(...all), fc.json({ maxDepth: 2 }))
      .map(([{ text }, value]) => text.replace(/:(\{|\[|"[^"]*"|[0-9]+)/, `:${value}$1`)),
    fc
      .tuple(
        fc.constantFrom(...all),
        fc.dictionary(
          fc.constantFrom('type', 'delta', 'item', 'session', 'response', '__proto__'),
          fc.jsonValue({ maxDepth: 3 }),
        ),
      )
      .map(([{ text }, change]) => JSON.stringify({ ...(JSON.parse(text) as object), ...change })),
  );
  const payload: fc.Arbitrary<Payload> = fc.oneof(
    bent,
    fc.uint8Array({ maxLength: 64 }).map((bytes) => new Uint8Array(bytes).buffer),
  );
  const sender: fc.Arbitrary<Sender> = fc.constantFrom<Sender>(
    { side: 'upstream' },
    { side: 'client', client: 'c1' },
  );

  describe(`contract of ${adapter.id}`, () => {
    it('P1 read never throws, and P2 reads the same twice, whatever comes', () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(sender, payload), { maxLength: 20 }), (frames) => {
          let state = adapter.begin(REQUEST);
          for (const [from, frame] of frames) {
            const once = adapter.read(state, from, frame);
            expect(adapter.read(state, from, frame)).toEqual(once);
            expect(once.route).toBe('across');
            state = once.state;
          }
        }),
        { numRuns: 500 },
      );
    });

    it('P2 a frame that means nothing leaves the state as it is', () => {
      const state = adapter.begin(REQUEST);
      for (const frame of ['', '{', '5', 'null', '{"type":"unheard.of"}', new ArrayBuffer(3)]) {
        expect(adapter.read(state, { side: 'upstream' }, frame).state).toBe(state);
        expect(adapter.read(state, { side: 'client', client: 'c1' }, frame).state).toBe(state);
      }
    });

    it.each(fixtures)('P3 $name: state through JSON between any two frames changes nothing', ({ frames }) => {
      expect(readAll(adapter, frames, throughJson)).toEqual(readAll(adapter, frames, (state) => state));
    });

    it('P4 the state stays bounded, however long the session', () => {
      let state = adapter.begin(REQUEST);
      for (let round = 0; round < 300; round += 1) {
        for (const frame of all) {
          // Other ids each round, and long texts: nothing may pile up.
          const text = frame.text
            .replaceAll(/"((?:item|resp|call)_[a-z0-9]+)"/g, `"$1_${round}"`)
            .replaceAll('Hello', 'Hello '.repeat(200));
          state = adapter.read(state, senderOf(frame), text).state;
        }
      }
      expect(JSON.stringify(state).length).toBeLessThan(LIMITS.adapterStateBytes);
    });

    it('P5 whenever skim answers, read says exactly that, and the state stays', () => {
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
      let base = adapter.begin(REQUEST);
      for (const text of [
        '{"type":"response.created","response":{"id":"r1"}}',
        '{"type":"response.output_audio.delta","response_id":"r1","delta":"AAAA"}',
        '{"type":"response.created","response":{"id":"r2"}}',
      ]) {
        base = adapter.read(base, { side: 'upstream' }, text).state;
      }
      fc.assert(
        fc.property(order, members, sender, (keys, values, from) => {
          const name = (key: (typeof keys)[number]): string =>
            key === 'again' ? '"type"' : key === 'escaped' ? '"\\u0074ype"' : `"${key}"`;
          const text = `{${keys.map((key) => `${name(key)}:${JSON.stringify(values[key])}`).join(',')}}`;
          const observed = adapter.skim?.(base, from, text) ?? null;
          if (observed === null) return;
          skimmed += 1;
          const reading = adapter.read(base, from, text);
          expect(reading.observations).toEqual(observed);
          expect(reading.route).toBe('across');
          expect(reading.state).toBe(base);
          expect(reading.send).toBeUndefined();
        }),
        { numRuns: 10_000 },
      );
      if (adapter.skim !== undefined) expect(skimmed).toBeGreaterThan(100);
    });

    it.each(fixtures)(
      'P6 $name: usage equals the provider’s own sum, cut and restored at any frame',
      ({ frames, tokens }) => {
        expect(tokensOf(readAll(adapter, frames, (state) => state).observations)).toEqual(tokens);
        for (let at = 0; at <= frames.length; at += 1) {
          const before = readAll(adapter, frames.slice(0, at), throughJson);
          const restored = adapter.restore(before.state).state;
          const after: Observation[] = [];
          let state = restored;
          // The provider's answers to the restoration carry no usage; what it reports afterwards counts on.
          for (const frame of frames.slice(at)) {
            const reading = adapter.read(state, senderOf(frame), frame.text);
            state = reading.state;
            after.push(...reading.observations);
          }
          expect(tokensOf([...before.observations, ...after])).toEqual(tokens);
        }
      },
    );

    it('P7 the first opening sends nothing and is complete; a later one restores', () => {
      const first = adapter.restore(adapter.begin(REQUEST));
      expect(first).toMatchObject({ complete: true, send: { upstream: [], clients: [] } });
      expect(adapter.intercepts(first.state)).toBe(false);
    });

    it('P8 no credential is in the state, in what is observed, or in what is sent to clients', () => {
      for (const { frames } of fixtures) {
        const { state, observations } = readAll(adapter, frames, (each) => each);
        const again = adapter.restore(state);
        expect(JSON.stringify([state, observations, again.send, again.state])).not.toContain(CREDENTIAL);
      }
    });
  });
}
