import { describe, expect, it } from 'vitest';
import { attoDollars } from '../../../protocol/money.ts';
import { PRICE_TABLE, PRICE_TABLE_DATE } from '../../../protocol/price-table.ts';
import { findPrice, type Price } from '../../../protocol/prices.ts';

const familyOf = (provider: string, model: string) => findPrice(PRICE_TABLE, provider, model)?.family ?? null;

/** Every figure of a price. */
function figures({ tokens, ...rates }: Price): string[] {
  const ofTokens = tokens === undefined ? [] : Object.values(tokens).flatMap((each) => Object.values(each));
  return [...ofTokens.map(String), ...Object.values(rates).map(({ usd }) => usd)];
}

describe('P8 the price table', () => {
  it('P8 every row has readable, positive prices, a source and a date that is not after the table’s', () => {
    for (const row of PRICE_TABLE) {
      const prices = figures(row.price);
      expect(prices.length, row.models[0]).toBeGreaterThan(0);
      for (const usd of prices) expect(attoDollars(usd), `${row.models[0]} ${usd}`).toBeGreaterThan(0n);
      expect(row.source).not.toBe('');
      expect(row.asOf).toMatch(/^20[0-9]{2}(-[0-9]{2}){0,2}$/);
      expect(row.asOf?.localeCompare(PRICE_TABLE_DATE)).toBeLessThanOrEqual(0);
    }
  });

  it('P8 no model stands in it twice, and each finds itself', () => {
    const names = PRICE_TABLE.flatMap(({ provider, models }) =>
      models.map((model) => `${provider} ${model}`),
    );
    expect(new Set(names).size).toBe(names.length);
    for (const { provider, models } of PRICE_TABLE)
      for (const model of models) expect(familyOf(provider, model)).toBe(model);
  });

  it.each([
    ['openai', 'gpt-realtime-2025-08-28', 'gpt-realtime'],
    ['openai', 'gpt-realtime-mini-2025-12-15', 'gpt-realtime-mini'],
    ['openai', 'gpt-realtime-2-2026-07-01', 'gpt-realtime-2'],
    ['openai', 'gpt-4o-realtime-preview-2024-10-01', 'gpt-4o-realtime-preview'],
    ['openai', 'gpt-4o-mini-transcribe-2025-03-20', 'gpt-4o-mini-transcribe'],
    ['openai', 'gpt-realtime-2.1-mini-latest', 'gpt-realtime-2.1-mini'],
    ['google', 'models/gemini-3.8-live', 'gemini-3.8-live'],
    ['google', 'gemini-3.1-flash-live-preview', 'gemini-3.1-flash-live'],
    ['google', 'models/gemini-3.1-flash-live-preview-09-2026', 'gemini-3.1-flash-live'],
    ['google', 'gemini-2.0-flash-live-001', 'gemini-2.0-flash-live'],
    ['deepgram', 'nova-3-medical', 'nova-3'],
    ['deepgram', 'aura-2-thalia-en', 'aura-2'],
    ['cartesia', 'sonic-3-2025-10-27', 'sonic'],
    ['workers-ai', '@cf/deepgram/flux', '@cf/deepgram/flux'],
  ])('P8 %s %s costs what %s does', (provider, model, family) => {
    expect(familyOf(provider, model)).toBe(family);
  });

  it.each([
    ['openai', 'gpt-realtime-3'],
    ['openai', 'gpt-realtime-max'],
    ['openai', 'gpt-realtime-2.1-nano'],
    ['openai', 'gpt-realtime-2.2'],
    ['openai', 'gpt-realtime-'],
    ['openai', 'gpt-realtime-latest-'],
    ['openai', 'gpt-realtime-latestish'],
    ['openai', 'gpt-realtimex'],
    ['openai', 'sim-support'],
    ['openai', ''],
    ['google', 'gemini-3.8-live-extended-thinking'],
    ['deepgram', 'nova-2'],
    ['deepgram', 'nova-30'],
    ['azure-openai', 'gpt-realtime'],
    ['simulator', 'gpt-realtime'],
  ])('P8 %s %s, which may be another model, has no price', (provider, model) => {
    expect(findPrice(PRICE_TABLE, provider, model)).toBeNull();
  });
});
