/** What every provider's adapter must keep, whatever the provider. Run with each adapter and its recorded sessions. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../protocol/json.ts';
import type { Observation, TokenUsage } from '../../protocol/observations.ts';
import type { ConnectRequest, Payload, ProviderAdapter, Sender } from '../../providers/adapter.ts';
import { LIMITS } from '../../session/limits.ts';
import { Redactor } from '../../session/redactor.ts';

/** `base64`: a binary frame. */
export type FixtureFrame = { readonly from: 'upstream' | 'client' } & (
  | { readonly text: string }
  | { readonly base64: string }
);

/** All text that came one way in one place of frames, in order, together. */
function textByPlace(frames: readonly { readonly from: string; readonly payload: Payload }[]): string[] {
  const texts = new Map<string, string>();
  const walk = (value: unknown, place: string): void => {
    if (typeof value === 'string') texts.set(place, (texts.get(place) ?? '') + value);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, each] of Object.entries(value))
      walk(each, Array.isArray(value) ? place : `${place}.${key}`);
  };
  for (const { from, payload } of frames) {
    const text = typeof payload === 'string' ? payload : new TextDecoder().decode(payload);
    walk(isObject(text) ? JSON.parse(text) : text, from);
  }
  return [...texts.values()];
}

/** What a session costs by the provider's own sum, or by what is counted where it has none. */
export interface Billed {
  readonly input: number;
  readonly output: number;
  readonly seconds: number;
  readonly characters: number;
  readonly requests: number;
  readonly items: number;
}

export interface Fixture {
  readonly name: string;
  readonly frames: readonly FixtureFrame[];
  readonly billed: Billed;
}

/** The recorded sessions of `test/fixtures/<provider>/*.jsonl`, one frame a line, and what each was billed. */
export function readFixtures(
  provider: string,
  billed: Readonly<Record<string, Partial<Billed>>>,
): readonly Fixture[] {
  const directory = new URL(`../fixtures/${provider}/`, import.meta.url);
  return readdirSync(directory).map((file) => {
    const name = file.replace('.jsonl', '');
    const found = billed[name];
    if (found === undefined) throw new Error(`what was billed in ${provider}/${file}?`);
    const lines = readFileSync(new URL(file, directory), 'utf8').trim().split('\n');
    return {
      name,
      billed: toMicroseconds({ ...NOTHING_BILLED, ...found }),
      frames: lines.map((line) => JSON.parse(line) as FixtureFrame), // written in this shape
    };
  });
}

const NOTHING_BILLED: Billed = { input: 0, output: 0, seconds: 0, characters: 0, requests: 0, items: 0 };

/** A frame as text, whatever its kind. */
function textOf(frame: FixtureFrame): string {
  return 'text' in frame ? frame.text : Buffer.from(frame.base64, 'base64').toString();
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

export function payloadOf(frame: FixtureFrame): Payload {
  return 'text' in frame ? frame.text : new Uint8Array(Buffer.from(frame.base64, 'base64')).buffer;
}

/** A frame of an adapter's own making as JSON: such frames are always text. */
export function jsonOf(payload: Payload | undefined): unknown {
  if (typeof payload !== 'string') throw new Error('no text frame');
  return JSON.parse(payload);
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

export const senderOf = ({ from }: FixtureFrame): Sender =>
  from === 'upstream' ? { side: 'upstream' } : { side: 'client', client: 'c1' };

const throughJson = (state: JsonValue): JsonValue => JSON.parse(JSON.stringify(state)) as JsonValue; // JSON in, JSON out

/** Reads as the broker does: by skim where it answers. */
function readAll(
  adapter: ProviderAdapter,
  request: ConnectRequest,
  frames: readonly FixtureFrame[],
  cut: (state: JsonValue) => JsonValue,
) {
  let state = adapter.restore(adapter.begin(request)).state;
  const observations: Observation[] = [];
  for (const frame of frames) {
    state = cut(state);
    const skimmed = adapter.skim?.(state, senderOf(frame), payloadOf(frame)) ?? null;
    if (skimmed !== null) {
      observations.push(...skimmed);
      continue;
    }
    const reading = adapter.read(state, senderOf(frame), payloadOf(frame));
    state = reading.state;
    observations.push(...reading.observations);
  }
  return { state, observations };
}

const sum = ({ text, audio, image }: TokenUsage['input']) => text + audio + image;

/** Sums of fractions, told in other parts where a socket was lost; a price takes them to a microsecond. */
const toMicroseconds = (billed: Billed): Billed => ({
  ...billed,
  seconds: Math.round(billed.seconds * 1_000_000) / 1_000_000,
});

function billedIn(observations: readonly Observation[]): Billed {
  const seen = new Set<string>();
  const total = { ...NOTHING_BILLED };
  for (const each of observations) {
    if (each.kind !== 'usage' || each.purpose !== 'response' || seen.has(each.dedupeKey)) continue;
    seen.add(each.dedupeKey);
    const { usage } = each;
    if (usage.unit === 'tokens') {
      total.input += sum(usage.tokens.input);
      total.output += sum(usage.tokens.output);
    } else if (usage.unit === 'seconds') total.seconds += usage.seconds;
    else if (usage.unit === 'characters') total.characters += usage.characters;
    else if (usage.unit === 'requests') total.requests += usage.requests;
    else total.items += usage.items;
  }
  return toMicroseconds(total);
}

function plus(one: Billed, other: Billed): Billed {
  return {
    input: one.input + other.input,
    output: one.output + other.output,
    seconds: one.seconds + other.seconds,
    characters: one.characters + other.characters,
    requests: one.requests + other.requests,
    items: one.items + other.items,
  };
}

/** What frames cost that are all that was ever sent. */
function costOf(adapter: ProviderAdapter, request: ConnectRequest, frames: readonly Payload[]): Billed {
  const { state, observations } = readAll(
    adapter,
    request,
    frames.flatMap((text) => (typeof text === 'string' ? [{ from: 'client', text }] : [])),
    throughJson,
  );
  return billedIn([...observations, ...(adapter.atEnd?.(state, NO_LIFE) ?? [])]);
}

/** A socket that ends as soon as it opened: it costs nothing but what the state has counted. */
export const NO_LIFE = { openMs: 0, audioInMs: 0 };

/**
 * @param about what the client asked for, where an adapter reads frames by it. `billsLate`: what is counted here when a
 *   socket is lost would be in the provider's next report, so a session that is cut and played on has it twice.
 *   `billsAgain`: what is sent again to the next socket is counted again
 */
export function providerContract(
  adapter: ProviderAdapter,
  fixtures: readonly Fixture[],
  {
    billsLate = false,
    billsAgain = false,
    ...about
  }: Partial<Pick<ConnectRequest, 'path' | 'query'>> & { billsLate?: boolean; billsAgain?: boolean } = {},
): void {
  const request: ConnectRequest = { ...REQUEST, ...about };
  const all = fixtures.flatMap(({ frames }) => frames);
  const texts = all.map(textOf);
  /** Frames of the fixtures, bent: cut, spliced, with members changed; and frames of nothing at all. */
  const bent = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.json({ maxDepth: 4 }),
    fc
      .tuple(fc.constantFrom(...texts), fc.nat(400), fc.string({ maxLength: 5 }))
      .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at)),
    fc
      .tuple(fc.constantFrom(...texts), fc.json({ maxDepth: 2 }))
      .map(([text, value]) => text.replace(/:(\{|\[|"[^"]*"|[0-9]+)/, `:${value}$1`)),
    fc
      .tuple(
        fc.constantFrom(...texts.filter((text) => isObject(text))),
        fc.dictionary(
          fc.constantFrom('type', 'delta', 'item', 'session', 'response', '__proto__'),
          fc.jsonValue({ maxDepth: 3 }),
        ),
      )
      .map(([text, change]) => JSON.stringify({ ...(JSON.parse(text) as object), ...change })),
  );
  const payload: fc.Arbitrary<Payload> = fc.oneof(
    bent,
    // JSON in binary frames is some providers' wire.
    bent.map((text) => new TextEncoder().encode(text).buffer),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => new Uint8Array(bytes).buffer),
  );
  const sender: fc.Arbitrary<Sender> = fc.constantFrom<Sender>(
    { side: 'upstream' },
    { side: 'client', client: 'c1' },
  );

  describe(`contract of ${adapter.id} ${request.path}`, () => {
    it('P1 read never throws, and P2 reads the same twice, whatever comes', () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(sender, payload), { maxLength: 20 }), (frames) => {
          let state = adapter.begin(request);
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
      const state = adapter.begin(request);
      const senders: readonly Sender[] = [{ side: 'upstream' }, { side: 'client', client: 'c1' }];
      for (const frame of ['', '{', '5', 'null', '{"type":"unheard.of"}', new ArrayBuffer(3)]) {
        for (const from of senders) {
          const reading = adapter.read(state, from, frame);
          // On some wires any bytes are audio, and any object is a request: then something was observed.
          if (reading.observations.length === 0) expect(reading.state).toBe(state);
        }
      }
    });

    it.each(fixtures)('P3 $name: state through JSON between any two frames changes nothing', ({ frames }) => {
      expect(readAll(adapter, request, frames, throughJson)).toEqual(
        readAll(adapter, request, frames, (state) => state),
      );
    });

    it('P4 the state stays bounded, however long the session', () => {
      let state = adapter.begin(request);
      for (let round = 0; round < 300; round += 1) {
        for (const frame of all) {
          // Other ids each round, and long texts: nothing may pile up.
          const text = textOf(frame)
            .replaceAll(/"((?:item|resp|call|ctx|turn|handle)_[a-z0-9]+)"/g, `"$1_${round}"`)
            .replaceAll('Hello', 'Hello '.repeat(200));
          const payload = 'text' in frame ? text : new TextEncoder().encode(text).buffer;
          state = adapter.read(state, senderOf(frame), payload).state;
        }
      }
      expect(JSON.stringify(state).length).toBeLessThan(LIMITS.adapterStateBytes);
    });

    it('P5 whenever skim answers, read says exactly that, and the state stays', () => {
      const states = fixtures.flatMap(({ frames }) => [
        adapter.begin(request),
        ...frames.map((_, at) => readAll(adapter, request, frames.slice(0, at + 1), (each) => each).state),
      ]);
      const real = fc.constantFrom(...all.map(payloadOf));
      fc.assert(
        fc.property(fc.constantFrom(...states), sender, fc.oneof(real, payload), (state, from, frame) => {
          const observed = adapter.skim?.(state, from, frame) ?? null;
          if (observed === null) return;
          const reading = adapter.read(state, from, frame);
          expect(reading).toMatchObject({ observations: observed, route: 'across' });
          expect(reading.state).toBe(state);
          expect(reading.send).toBeUndefined();
        }),
        { numRuns: 2_000 },
      );
    });

    it.each(fixtures)(
      'P6 $name: usage equals the provider’s own sum, cut and restored at any frame',
      ({ frames, billed }) => {
        expect(billedIn(readAll(adapter, request, frames, (state) => state).observations)).toEqual(billed);
        if (billsLate) return;
        for (let at = 0; at <= frames.length; at += 1) {
          const before = readAll(adapter, request, frames.slice(0, at), throughJson);
          // The lost socket's own bill is told before the next one opens, and must not be told again.
          const after: Observation[] = [...(adapter.atEnd?.(before.state, NO_LIFE) ?? [])];
          const { state: restored, send } = adapter.restore(before.state);
          const { upstream } = send;
          let state = restored;
          // The provider's answers to the restoration carry no usage; what it reports afterwards counts on.
          for (const frame of frames.slice(at)) {
            const reading = adapter.read(state, senderOf(frame), payloadOf(frame));
            state = reading.state;
            after.push(...reading.observations);
          }
          after.push(...(adapter.atEnd?.(state, NO_LIFE) ?? []));
          const again = billsAgain ? costOf(adapter, request, upstream) : NOTHING_BILLED;
          expect(billedIn([...before.observations, ...after])).toEqual(plus(billed, again));
        }
      },
    );

    it('P7 the first opening sends nothing and is complete; a later one restores', () => {
      const first = adapter.restore(adapter.begin(request));
      expect(first).toMatchObject({ complete: true, send: { upstream: [], clients: [] } });
      expect(adapter.intercepts(first.state)).toBe(false);
    });

    it.each(fixtures)(
      'P9 $name: a pattern that finds a transcript leaves no pieces of it in the log',
      ({ frames }) => {
        const { observations } = readAll(adapter, request, frames, (each) => each);
        for (const observed of observations) {
          if (observed.kind !== 'transcript' || observed.text.trim() === '') continue;
          const regex = observed.text.trim().replaceAll(/[^A-Za-z0-9 ]/g, '.');
          const rules = {
            fields: [],
            patterns: [{ name: 'it', regex }],
            replacement: '#',
            binary: 'keep',
          } as const;
          const redactor = new Redactor(rules, adapter.streamedText);
          const stored = frames.map((frame) => {
            const payload = redactor.stored(payloadOf(frame)) ?? payloadOf(frame);
            return { from: frame.from, payload };
          });
          const sought = observed.text.replaceAll(/\s/g, '');
          for (const text of textByPlace(stored)) expect(text.replaceAll(/\s/g, '')).not.toContain(sought);
        }
      },
    );

    it('P8 no credential is in the state, in what is observed, or in what is sent to clients', () => {
      for (const { frames } of fixtures) {
        const { state, observations } = readAll(adapter, request, frames, (each) => each);
        const again = adapter.restore(state);
        expect(JSON.stringify([state, observations, again.send, again.state])).not.toContain(CREDENTIAL);
      }
    });
  });
}
