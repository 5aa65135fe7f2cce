import { describe, expect, it } from 'vitest';
import type { Observation } from '../../../protocol/observations.ts';
import type { PriceBasis } from '../../../session/cost.ts';
import { Tally } from '../../../session/tally.ts';

const PRICES: PriceBasis = { provider: 'openai', model: null, simulated: 'no', custom: null, overrides: [] };
const RESPONSE = { responseId: 'r' };
const STARTED: Observation = { kind: 'response.started', ...RESPONSE };
const OUTPUT: Observation = { kind: 'response.output', ...RESPONSE, of: 'audio' };
const ENDED: Observation = { kind: 'response.ended', ...RESPONSE, outcome: 'completed' };

/** The record of a turn whose observations came at these times. */
function turn(...observed: readonly (readonly [Observation, number])[]) {
  const tally = new Tally(1_000, PRICES);
  return observed.map(([observation, at]) => tally.observe(observation, 1, at)).at(-1)?.body;
}

describe('P3 the model', () => {
  it('P3 is the first that a frame names', () => {
    const tally = new Tally(1_000, PRICES);
    expect(tally.totals().model).toBeNull();
    for (const model of ['a', 'b']) expect(tally.observe({ kind: 'model', model }, 1, 1)).toBeNull();
    expect(tally.totals().model).toBe('a');
  });
});

describe('P8 the model of a session', () => {
  it('P8 is that of its first report where no other frame names one; a transcription has a model of its own', () => {
    const tally = new Tally(1_000, PRICES);
    const report = (purpose: 'response' | 'transcription', model: string): Observation => ({
      kind: 'usage',
      dedupeKey: model,
      purpose,
      model,
      usage: { unit: 'characters', characters: 1 },
      source: 'measured',
      raw: null,
    });
    tally.observe(report('transcription', 'scribe'), 1, 1);
    expect(tally.totals().model).toBeNull();
    for (const model of ['sonic-3', 'sonic-2']) tally.observe(report('response', model), 1, 1);
    expect(tally.totals().model).toBe('sonic-3');
  });
});

describe('P8 what a tally goes on from', () => {
  it('P8 counts on every figure, frames that were redacted too', () => {
    const before = new Tally(1_000, PRICES);
    before.frame('up', { bytes: 3, logged: false, redacted: true }, 1);
    before.observe({ kind: 'audio', speaker: 'model', bytes: 9, ms: 5 }, 1, 1);
    before.observe(reportOf({ text: 7 }, 0), 1, 1);
    expect(new Tally(1_000, PRICES, before.snapshot()).totals()).toEqual(before.totals());
  });
});

/** A report of input, `unsplit` of which came out of a cache that the provider did not split. */
function reportOf(input: { readonly text?: number; readonly audio?: number }, unsplit: number): Observation {
  const none = { text: 0, audio: 0, image: 0 };
  const tokens = {
    input: { ...none, ...input },
    cached: none,
    cachedUnsplit: unsplit,
    output: none,
    reasoning: 0,
  };
  const usage = { unit: 'tokens', tokens } as const;
  return {
    kind: 'usage',
    dedupeKey: 'r',
    purpose: 'response',
    model: 'm',
    usage,
    source: 'provider',
    raw: null,
  };
}

describe('P8 cached tokens that the provider did not split', () => {
  const cachedOf = (input: Parameters<typeof reportOf>[0]) => {
    const tally = new Tally(1_000, PRICES);
    const record = tally.observe(reportOf(input, 64), 1, 1);
    const { cached_text: text, cached_audio: audio } = tally.totals().response.tokens;
    expect(record?.body['counted']).toMatchObject({ cached_text: text, cached_audio: audio });
    return [text, audio];
  };

  it('P8 are those of the one modality that there was, as they are priced; of several they cannot be told', () => {
    expect(cachedOf({ text: 100 })).toEqual([64, 0]);
    expect(cachedOf({ audio: 100 })).toEqual([0, 64]);
    expect(cachedOf({ text: 100, audio: 10 })).toEqual([0, 0]);
  });
});

describe('P8 the time to the first output', () => {
  it('P8 counts from the request, or from the start of a response that nobody asked for', () => {
    expect(turn([{ kind: 'asked' }, 10], [STARTED, 30], [OUTPUT, 30], [ENDED, 90])).toMatchObject({
      first_output_ms: 20,
      duration_ms: 80,
    });
    expect(turn([STARTED, 30], [OUTPUT, 50], [ENDED, 90])).toMatchObject({
      first_output_ms: 20,
      duration_ms: 60,
    });
  });

  it('P8 is unknown, never 0, when a response begins with its output and nothing tells of a request', () => {
    expect(turn([STARTED, 30], [OUTPUT, 30], [ENDED, 90])).toMatchObject({
      first_output_ms: null,
      duration_ms: 60,
    });
    expect(turn([STARTED, 30], [ENDED, 90])).toMatchObject({ first_output_ms: null });
  });
});
