/** What a price is, and how the name of a model finds its own. */
import type { Rate } from './money.ts';

/** Why a report has no price. Unknown is never 0. */
export const UNPRICED_REASONS = [
  /** Neither the report nor the connection names a model. */
  'no_model',
  'unknown_model',
  /** The model has a price, but not for what was counted: tokens, seconds, characters, requests, items. */
  'no_price_for_unit',
  /** Tokens of a kind (audio, image, cached …) that have no price. */
  'no_price_for_modality',
  /** More than a number holds exactly: no honest figure is that large. */
  'out_of_range',
] as const;
export type UnpricedReason = (typeof UNPRICED_REASONS)[number];

/** What must be known beside a cost. */
export const COST_NOTES = [
  /** Nothing was charged: the built-in simulator played. 0 for its own models, else the price of the model that it played. */
  'simulated',
  /** By the connection's `cf-aig-custom-cost`. */
  'custom_cost',
  /** By the gateway's `prices` or the deployment's `PARLEY_PRICES`. */
  'price_setting',
  /** By a row whose source is second hand, derived, or contradicted. */
  'price_unverified',
  /** The cached part of the input was not split by modality: priced as if nothing had been cached, so at most this. */
  'cached_split_unknown',
] as const;
export type CostNote = (typeof COST_NOTES)[number];

/** US dollars for 1,000,000 tokens; a modality without a price is one that is not sold, or of which none is known. */
export interface TokenPrices {
  readonly input: ModalityPrices;
  /** The part of the input that came from the provider's cache. */
  readonly cached: ModalityPrices;
  readonly output: ModalityPrices;
}

export interface ModalityPrices {
  readonly text?: string;
  readonly audio?: string;
  readonly image?: string;
}

/** By unit, since a model may have several: minutes of audio and items, say. */
export interface Price {
  readonly tokens?: TokenPrices;
  readonly seconds?: Rate;
  readonly characters?: Rate;
  readonly requests?: Rate;
  readonly items?: Rate;
}

export interface PriceRow {
  readonly provider: string;
  /** Families: names as their provider lists them. */
  readonly models: readonly string[];
  /** True where whatever follows `<family>-` (a voice, a domain) costs the same. */
  readonly anySuffix?: true;
  /** When the source said so, as precisely as it is known; null for a deployment's own price. */
  readonly asOf: string | null;
  readonly source: string;
  /** Why the figure may be wrong: the source is second hand, derived, or contradicted by another. */
  readonly unverified?: string;
  readonly price: Price;
}

/** What may follow `<family>-` and still mean the same model: dates, snapshot numbers, stages. Sizes and versions may not. */
const SUFFIX =
  /^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}-[0-9]{4}|[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{3,4}|latest|preview|exp|experimental)(?:-|$)/;

export interface FoundPrice {
  readonly row: PriceRow;
  readonly family: string;
}

/**
 * The price of a model: that of its name, else that of the longest family which it is a dated or staged name of
 * (`gpt-realtime-2025-08-28` is `gpt-realtime`). Resource names (`models/gemini-…`) are looked up by their last part too.
 * A name that might be another model's (`gpt-realtime-3`) finds nothing: unknown is better than wrong.
 */
export function findPrice(rows: readonly PriceRow[], provider: string, model: string): FoundPrice | null {
  const own = rows.filter((row) => row.provider === provider);
  const last = model.slice(model.lastIndexOf('/') + 1);
  return familyOf(own, model) ?? (last === model ? null : familyOf(own, last));
}

function familyOf(rows: readonly PriceRow[], model: string): FoundPrice | null {
  let found: FoundPrice | null = null;
  for (const row of rows) {
    for (const family of row.models) {
      const isLonger = found === null || family.length > found.family.length;
      if (isLonger && isOf(row, family, model)) found = { row, family };
    }
  }
  return found;
}

function isOf(row: PriceRow, family: string, model: string): boolean {
  if (model === family) return true;
  if (!model.startsWith(`${family}-`)) return false;
  return row.anySuffix === true || isSuffix(model.slice(family.length + 1));
}

function isSuffix(text: string): boolean {
  let rest = text;
  for (let match = SUFFIX.exec(rest); match !== null; match = SUFFIX.exec(rest)) {
    rest = rest.slice(match[0].length);
    if (rest === '') return !match[0].endsWith('-');
  }
  return false;
}
