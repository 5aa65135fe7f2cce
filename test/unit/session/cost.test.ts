import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Observation, TokenUsage, Usage, UsageObservation } from '../../../protocol/observations.ts';
import { readPrices } from '../../../protocol/price-overrides.ts';
import { openai } from '../../../providers/openai.ts';
import { Bookkeeping } from '../../../session/bookkeeping.ts';
import { CostSum, type PriceBasis, Pricer, type ReportCost } from '../../../session/cost.ts';
import { LIMITS } from '../../../session/limits.ts';
import { FakeWire } from './fake-wire.ts';

const BASIS: PriceBasis = { provider: 'openai', model: null, simulated: 'no', custom: null, overrides: [] };
const NONE = { text: 0, audio: 0, image: 0 };

interface Tokens {
  readonly input?: Partial<TokenUsage['input']>;
  readonly cached?: Partial<TokenUsage['cached']>;
  readonly output?: Partial<TokenUsage['output']>;
  readonly cachedUnsplit?: number;
}

const tokens = ({ input, cached, output, ...more }: Tokens): Usage => ({
  unit: 'tokens',
  tokens: {
    input: { ...NONE, ...input },
    cached: { ...NONE, ...cached },
    output: { ...NONE, ...output },
    reasoning: 0,
    ...more,
  },
});
const report = (
  usage: Usage,
  model: string | null,
  more: Partial<UsageObservation> = {},
): UsageObservation => ({
  kind: 'usage',
  dedupeKey: 'r1',
  purpose: 'response',
  model,
  usage,
  source: 'provider',
  raw: null,
  ...more,
});
const price = (
  provider: string,
  model: string | null,
  usage: Usage,
  basis: Partial<PriceBasis> = {},
): ReportCost => new Pricer({ ...BASIS, provider, ...basis }).price(report(usage, model));

function overrides(prices: unknown): PriceBasis['overrides'] {
  const read = readPrices(prices);
  if (!read.ok) throw new Error(read.problems.join(' '));
  return read.rows;
}

describe('P8 the price of a report, worked by hand to the nano-dollar', () => {
  it('P8 tokens: each modality, its cached part, and the output', () => {
    const usage = tokens({
      input: { text: 119, audio: 13 },
      cached: { text: 64 },
      output: { text: 30, audio: 91 },
    });
    // (119 − 64) × 4,000 + 64 × 400 + 13 × 32,000 + 30 × 16,000 + 91 × 64,000
    expect(price('openai', 'gpt-realtime-2025-08-28', usage)).toEqual({
      kind: 'priced',
      nano: 6_965_600,
      price: 'openai/gpt-realtime',
      priceDate: '2026-11-05',
      notes: [],
    });
  });

  it('P8 tokens of the small model: cached audio has a price of its own', () => {
    const usage = tokens({
      input: { text: 100, audio: 200, image: 1_000 },
      cached: { text: 100, audio: 150, image: 200 },
      output: { text: 10 },
    });
    // 100 × 60 + 50 × 10,000 + 150 × 300 + 800 × 800 + 200 × 80 + 10 × 2,400
    expect(price('openai', 'gpt-realtime-2.1-mini', usage)).toMatchObject({ nano: 1_231_000 });
  });

  it.each<[string, string, Usage, number]>([
    // 2.4 s at 0.006 $ a minute
    ['openai', 'whisper-1', { unit: 'seconds', seconds: 2.4 }, 240_000],
    // 1 s at 0.017 $ a minute: 283,333.3
    ['openai', 'gpt-realtime-whisper', { unit: 'seconds', seconds: 1 }, 283_333],
    // 90 s at 0.39 $ an hour
    ['elevenlabs', 'scribe_v2_realtime', { unit: 'seconds', seconds: 90 }, 9_750_000],
    // 100 s at 0.45 $ an hour
    ['assemblyai', 'universal-3-6-pro', { unit: 'seconds', seconds: 100 }, 12_500_000],
    // 3.217 s at 0.0065 $ a minute: 348,508.3
    ['deepgram', 'flux-general-en', { unit: 'seconds', seconds: 3.217 }, 348_508],
    ['workers-ai', '@cf/deepgram/flux', { unit: 'seconds', seconds: 60 }, 7_700_000],
    // 90 s at 0.08 $ a minute
    ['xai', 'grok-voice-latest', { unit: 'seconds', seconds: 90 }, 120_000_000],
    // 3 items at 0.004 $
    ['xai', 'grok-voice-latest', { unit: 'items', items: 3 }, 12_000_000],
    // 123 characters at 0.030 $ a thousand
    ['deepgram', 'aura-2-thalia-en', { unit: 'characters', characters: 123 }, 3_690_000],
    // 123 characters at 0.05 $ a thousand
    ['elevenlabs', 'eleven_flash_v2_5', { unit: 'characters', characters: 123 }, 6_150_000],
    // 123 characters at 49 $ for 1.25 million
    ['cartesia', 'sonic-3', { unit: 'characters', characters: 123 }, 4_821_600],
    // 10 s at 3 credits a second
    ['cartesia', 'ink-2', { unit: 'seconds', seconds: 10 }, 1_176_000],
    // 332 × 750 + 165 × 3,000 + 42 × 12,000
    [
      'google',
      'models/gemini-3.8-live',
      tokens({ input: { text: 332, audio: 165 }, output: { audio: 42 } }),
      1_248_000,
    ],
    // 16 × 3,000 + 8 × 5,000
    ['openai', 'gpt-4o-mini-transcribe', tokens({ input: { audio: 16 }, output: { text: 8 } }), 88_000],
  ])('P8 %s %s', (provider, model, usage, nano) => {
    expect(price(provider, model, usage)).toMatchObject({ kind: 'priced', nano });
  });
});

describe('P8 what is not known is null with a reason, never 0', () => {
  const text = tokens({ input: { text: 1 } });

  it.each<[string, string | null, Usage, string]>([
    ['openai', null, text, 'no_model'],
    ['openai', 'gpt-realtime-9', text, 'unknown_model'],
    ['azure-openai', 'my-deployment', text, 'unknown_model'],
    ['openai', 'gpt-realtime', { unit: 'seconds', seconds: 1 }, 'no_price_for_unit'],
    ['openai', 'whisper-1', text, 'no_price_for_unit'],
    ['openai', 'whisper-1', { unit: 'requests', requests: 1 }, 'no_price_for_unit'],
    ['google', 'gemini-3.8-live', tokens({ input: { image: 258 } }), 'no_price_for_modality'],
    [
      'openai',
      'gpt-4o-transcribe',
      tokens({ input: { audio: 9 }, cached: { audio: 2 } }),
      'no_price_for_modality',
    ],
    ['openai', 'gpt-realtime', tokens({ output: { text: 1e300 } }), 'out_of_range'],
  ])('P8 %s %s', (provider, model, usage, reason) => {
    expect(price(provider, model, usage)).toMatchObject({ kind: 'unpriced', reason });
  });

  it('P8 a report that names no model is of the model that was asked for, but for transcriptions', () => {
    const pricer = new Pricer({ ...BASIS, model: 'gpt-realtime' });
    expect(pricer.price(report(text, null))).toMatchObject({ nano: 4_000 });
    expect(pricer.price(report(text, null, { purpose: 'transcription' }))).toMatchObject({
      reason: 'no_model',
    });
  });

  it('P8 an unverified price says so', () => {
    expect(price('google', 'gemini-3.8-live', text)).toMatchObject({
      nano: 750,
      notes: ['price_unverified'],
    });
  });

  it('P8 more cached than there was input does not make the input negative', () => {
    const usage = tokens({ input: { text: 5 }, cached: { text: 8 } });
    expect(price('openai', 'gpt-realtime', usage)).toMatchObject({ nano: 8 * 400 });
  });

  it('P8 cached tokens without their modality are flagged and priced as not cached, unless there is but one', () => {
    const mixed = tokens({ input: { text: 100, audio: 10 }, cachedUnsplit: 64 });
    expect(price('openai', 'gpt-realtime', mixed)).toMatchObject({
      nano: 100 * 4_000 + 10 * 32_000,
      notes: ['cached_split_unknown'],
    });
    const one = tokens({ input: { text: 100 }, cachedUnsplit: 64 });
    expect(price('openai', 'gpt-realtime', one)).toMatchObject({ nano: 36 * 4_000 + 64 * 400, notes: [] });
  });
});

describe('P8 prices of one’s own', () => {
  const usage = tokens({ input: { text: 100, audio: 50 }, cached: { text: 40 }, output: { text: 10 } });

  it('P8 PARLEY_PRICES comes before the table, for dated names too', () => {
    const own = overrides({
      'openai/gpt-realtime': {
        usd_per_million_tokens: { input_text: 1, cached_text: 0, input_audio: 2, output_text: 3 },
      },
      'azure-openai/my-deployment': { usd_per_minute: 0.06 },
    });
    expect(price('openai', 'gpt-realtime-2025-08-28', usage, { overrides: own })).toEqual({
      kind: 'priced',
      nano: 60 * 1_000 + 50 * 2_000 + 10 * 3_000,
      price: 'openai/gpt-realtime',
      priceDate: null,
      notes: ['price_setting'],
    });
    expect(price('openai', 'gpt-realtime-mini', usage, { overrides: own })).toMatchObject({ notes: [] });
    expect(
      price('azure-openai', 'my-deployment', { unit: 'seconds', seconds: 1 }, { overrides: own }),
    ).toMatchObject({ nano: 1_000_000 });
  });

  it('P8 cf-aig-custom-cost prices every token, of a model that nobody knows too; other units by the lists', () => {
    const custom = { kind: 'tokens', input: '0.000001', cached: '0.0000005', output: '0.000002' } as const;
    expect(price('openai', 'nobody-knows', usage, { custom })).toEqual({
      kind: 'priced',
      nano: 110 * 1_000 + 40 * 500 + 10 * 2_000,
      price: null,
      priceDate: null,
      notes: ['custom_cost'],
    });
    expect(price('openai', 'whisper-1', { unit: 'seconds', seconds: 60 }, { custom })).toMatchObject({
      nano: 6_000_000,
      notes: [],
    });
  });

  it('P8 a total cost is the session’s, however many reports come', () => {
    const pricer = new Pricer({ ...BASIS, custom: { kind: 'total', usd: '0.25' } });
    const costs = [1, 2, 3].map(() => pricer.price(report(usage, 'gpt-realtime')));
    expect(costs.map((cost) => cost.kind === 'priced' && cost.nano)).toEqual([250_000_000, 0, 0]);
  });

  it('P8 the simulator costs nothing in a part of its own, and what it would in that of a real model; both are marked', () => {
    expect(price('openai', 'sim-support', usage, { simulated: 'free' })).toMatchObject({
      nano: 0,
      notes: ['simulated'],
    });
    expect(price('openai', 'gpt-realtime', usage, { simulated: 'as_model' })).toMatchObject({
      nano: 60 * 4_000 + 40 * 400 + 50 * 32_000 + 10 * 16_000,
      notes: ['simulated'],
    });
    expect(price('openai', 'nobody-knows', usage, { simulated: 'as_model' })).toMatchObject({
      reason: 'unknown_model',
    });
  });
});

describe('P8 the sum', () => {
  const unknown = (model: string): ReportCost => ({ kind: 'unpriced', reason: 'unknown_model', model });
  const costing = (nano: number): ReportCost => ({
    kind: 'priced',
    nano,
    price: null,
    priceDate: null,
    notes: [],
  });

  it('P8 is null until a report has a price', () => {
    const sum = new CostSum();
    expect(sum.totals().cost_nano).toBeNull();
    sum.add(unknown('a'), 'tokens');
    expect(sum.totals()).toMatchObject({ cost_nano: null, reports_priced: 0 });
    sum.add(costing(0), 'tokens');
    expect(sum.totals()).toMatchObject({ cost_nano: 0, reports_priced: 1 });
  });

  it('P10 tells 16 kinds of reports without a price apart, and the rest by reason and unit', () => {
    const sum = new CostSum();
    for (let n = 0; n < 16; n += 1) sum.add(unknown(`m${n}`), 'tokens');
    expect(sum.totals().unpriced.map(({ model }) => model)).not.toContain(null);
    for (let n = 0; n < 100; n += 1) sum.add(unknown(`m${n}`), 'tokens');
    const { unpriced } = sum.totals();
    expect(unpriced).toHaveLength(17);
    expect(unpriced.at(-1)).toEqual({ reason: 'unknown_model', model: null, unit: 'tokens', reports: 84 });
    expect(unpriced.reduce((all, { reports }) => all + reports, 0)).toBe(116);
  });

  it('P10 a sum that a number would not hold exactly stays where it was', () => {
    const sum = new CostSum();
    sum.add(costing(Number.MAX_SAFE_INTEGER), 'tokens');
    expect(sum.add(costing(1), 'tokens')).toMatchObject({ reason: 'out_of_range' });
    expect(sum.totals()).toMatchObject({ cost_nano: Number.MAX_SAFE_INTEGER, reports_priced: 1 });
  });
});

describe('P8 over any script of reports', () => {
  /** What a report of the script costs, in whole nano-dollars, worked without the table; null: unknown. */
  const KINDS: readonly {
    readonly of: (n: number) => UsageObservation;
    readonly nano: (n: number) => number | null;
  }[] = [
    {
      of: (n: number) =>
        report(tokens({ input: { audio: n, text: 2 * n }, cached: { text: n } }), 'gpt-realtime'),
      nano: (n: number) => n * 32_000 + n * 4_000 + n * 400,
    },
    {
      of: (n: number) =>
        report({ unit: 'seconds', seconds: n / 100 }, 'whisper-1', { purpose: 'transcription' }),
      nano: (n: number) => n * 1_000,
    },
    { of: (n: number) => report({ unit: 'seconds', seconds: n }, 'unheard-of'), nano: () => null },
    { of: (n: number) => report({ unit: 'characters', characters: n }, 'gpt-realtime'), nano: () => null },
  ];
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ key: fc.nat(12), kind: fc.nat(3), n: fc.nat(5_000) }) },
    { weight: 1, arbitrary: fc.constant('another upstream' as const) },
  );

  /** Reads each frame as the observations that it is the JSON of. */
  const books = () =>
    new Bookkeeping(
      {
        named: false,
        hasBudget: false,
        graceMs: 0,
        log: 'full',
        maxLogBytes: Number.POSITIVE_INFINITY,
        prices: BASIS,
        request: {
          path: '',
          query: [],
          headers: {},
          subprotocols: [],
          baseUrl: 'https://x',
          credential: null,
        },
      },
      {
        ...openai,
        skim: () => null,
        // Text, and written by this test.
        read: (state, _from, payload) => ({
          state,
          observations: JSON.parse(payload as string) as Observation[],
          route: 'across',
        }),
      },
      LIMITS,
      new FakeWire(),
      () => undefined,
      null,
    );

  it('P8 totals are those of the distinct reports, and the cost is the sum of their prices', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (script) => {
        const kept = books();
        const distinct = new Map<string, { readonly kind: number; readonly n: number }>();
        for (const each of script) {
          if (each === 'another upstream') {
            kept.opened(3, 0);
            continue;
          }
          const observation = { ...KINDS[each.kind]?.of(each.n), dedupeKey: `k${each.key}` };
          const key = `${observation.purpose} ${observation.dedupeKey}`;
          if (!distinct.has(key)) distinct.set(key, each);
          const payload = JSON.stringify([observation]);
          kept.relayed({
            direction: 'down',
            client: 0,
            from: { side: 'upstream' },
            payload,
            read: payload,
            translated: false,
            at: 0,
          });
        }
        const reports = [...distinct.values()];
        const prices = reports.map(({ kind, n }) => KINDS[kind]?.nano(n) ?? null);
        const known = prices.filter((nano) => nano !== null);
        const sum = (kind: number) =>
          reports.reduce((all, each) => (each.kind === kind ? all + each.n : all), 0);
        const totals = kept.totals();
        expect(totals).toMatchObject({
          cost_nano: known.length === 0 ? null : known.reduce((all, nano) => all + nano, 0),
          reports_priced: known.length,
          response: {
            characters: sum(3),
            seconds: sum(2),
            tokens: { input_audio: sum(0), input_text: 2 * sum(0) },
          },
        });
        expect(totals.response.reports + totals.transcription.reports).toBe(reports.length);
        expect(totals.unpriced.reduce((all, each) => all + each.reports, 0)).toBe(
          reports.length - known.length,
        );
        expect(totals.transcription.seconds).toBeCloseTo(sum(1) / 100, 6);
        // Each record carries its own price, and together they are the sum.
        const records =
          kept.recording.next(() => null, 0)?.records.filter(({ kind }) => kind === 'usage') ?? [];
        expect(records).toHaveLength(reports.length);
        expect(records.reduce((all, { body }) => all + Number(body['cost_nano'] ?? 0), 0)).toBe(
          totals.cost_nano ?? 0,
        );
      }),
    );
  });
});
