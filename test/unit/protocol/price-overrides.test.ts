import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { CustomCostHeader, readPrices } from '../../../protocol/price-overrides.ts';
import { parseSettings } from '../../../protocol/settings.ts';

const problemsOf = (value: unknown) => {
  const read = readPrices(value);
  return read.ok ? [] : read.problems;
};
const customCost = (value: unknown) => v.safeParse(CustomCostHeader, JSON.stringify(value)).output;

describe('P8 PARLEY_PRICES', () => {
  it('P8 is read from JSON text, or as it stands in [vars]; numbers are the decimals that they say', () => {
    const prices = {
      'openai/gpt-realtime': {
        usd_per_million_tokens: { input_text: 3.2, cached_text: 0.1, output_text: '12.5' },
      },
      'custom-x/@cf/y': { usd_per_minute: 0.0061, usd_per_request: 3e-7, usd_per_thousand_characters: 0.05 },
    };
    const read = readPrices(JSON.stringify(prices));
    expect(read).toEqual(readPrices(prices));
    expect(read).toMatchObject({
      ok: true,
      rows: [
        {
          provider: 'openai',
          models: ['gpt-realtime'],
          asOf: null,
          price: { tokens: { input: { text: '3.2' }, cached: { text: '0.1' }, output: { text: '12.5' } } },
        },
        {
          provider: 'custom-x',
          models: ['@cf/y'],
          price: {
            seconds: { usd: '0.0061', per: 60 },
            requests: { usd: '3e-7', per: 1 },
            characters: { usd: '0.05', per: 1000 },
          },
        },
      ],
    });
  });

  it('P8 cached input costs what other input does, unless it says otherwise', () => {
    const read = readPrices({
      'a/b': { usd_per_million_tokens: { input_audio: 10, input_text: 2, cached_text: 1 } },
    });
    expect(read).toMatchObject({
      ok: true,
      rows: [
        { price: { tokens: { cached: { audio: '10', text: '1' }, input: { audio: '10', text: '2' } } } },
      ],
    });
  });

  it.each([
    ['not JSON', 'PARLEY_PRICES must be a JSON object of prices by "<provider>/<model>".'],
    [[], 'PARLEY_PRICES must be a JSON object of prices by "<provider>/<model>".'],
    [
      { gpt: { usd_per_minute: 1 } },
      'PARLEY_PRICES: gpt must be named <provider>/<model>, such as openai/gpt-realtime.',
    ],
    [
      { 'a/b': { usd_per_minute: -1 } },
      'PARLEY_PRICES: a/b → usd_per_minute must be dollars: not negative, at most 18 decimals, such as 0.006.',
    ],
    [
      { 'a/b': { usd_per_minute: null } },
      'PARLEY_PRICES: a/b → usd_per_minute must be dollars: a number such as 0.006, or the same as text.',
    ],
    [
      { 'a/b': { usd_per_parsec: 1 } },
      'PARLEY_PRICES: a/b → usd_per_parsec is not known here; there is usd_per_million_tokens, usd_per_second, usd_per_minute, usd_per_hour, usd_per_thousand_characters, usd_per_request, usd_per_item.',
    ],
    [{ 'a/b': {} }, 'PARLEY_PRICES: a/b has no price.'],
    [
      { 'a/b': { usd_per_minute: 1, usd_per_hour: 60 } },
      'PARLEY_PRICES: a/b must price time once: by second, minute or hour.',
    ],
  ])('P8 refuses %j with a sentence', (value, problem) => {
    expect(problemsOf(value)).toEqual([problem]);
    expect(parseSettings({ PARLEY_PRICES: value })).toEqual({ ok: false, problems: [problem] });
  });

  it('P8 the example of docs/USAGE.md is one that is taken', () => {
    const page = readFileSync(new URL('../../../docs/USAGE.md', import.meta.url), 'utf8');
    const example = /PARLEY_PRICES='(\{[^']+\})'/.exec(page)?.[1];
    expect(readPrices(example)).toMatchObject({ ok: true, rows: { length: 4 } });
  });

  it('P10 holds 1,000 prices, and not one more', () => {
    const prices = (n: number) =>
      Object.fromEntries(Array.from({ length: n }, (_, index) => [`a/m${index}`, { usd_per_request: 1 }]));
    expect(problemsOf(prices(1000))).toEqual([]);
    expect(problemsOf(prices(1001))).toEqual(['PARLEY_PRICES may hold 1000 prices at most.']);
  });

  it('P8 is empty when it is not set', () => {
    expect(parseSettings({ PARLEY_PRICES: '' })).toMatchObject({ ok: true, settings: { PARLEY_PRICES: [] } });
  });
});

describe('P2 cf-aig-custom-cost', () => {
  it('P2 takes what AI Gateway does', () => {
    expect(customCost({ per_token_in: 0.000001, per_token_out: 0.000002 })).toEqual({
      kind: 'tokens',
      input: '0.000001',
      cached: '0.000001',
      output: '0.000002',
    });
    expect(
      customCost({ per_token_in: 1, per_token_out: 2, per_cache_read_token: 0.5, per_cache_write_token: 3 }),
    ).toMatchObject({ cached: '0.5' });
    expect(customCost({ total_cost: 0.25 })).toEqual({ kind: 'total', usd: '0.25' });
  });

  it.each([
    [{}],
    [{ per_token_in: 1 }],
    [{ per_token_in: -1, per_token_out: 1 }],
    [{ total_cost: 'much' }],
    [[]],
    [5],
    [{ total_cost: 1, x: 2 }],
  ])('P2 refuses %j', (value) => {
    expect(v.safeParse(CustomCostHeader, JSON.stringify(value)).success).toBe(false);
  });
});
