/** What the reports of usage cost: each by itself, and their sum. */
import { costNano } from '../protocol/money.ts';
import type { TokenUsage, Usage, UsageObservation } from '../protocol/observations.ts';
import type { CustomCost } from '../protocol/price-overrides.ts';
import { PRICE_TABLE } from '../protocol/price-table.ts';
import {
  type CostNote,
  findPrice,
  type FoundPrice,
  type Price,
  type PriceRow,
  type TokenPrices,
  type UnpricedReason,
} from '../protocol/prices.ts';
import type { CostTotals, UnpricedReports } from '../protocol/recording.ts';

/** By what a session's usage is priced. */
export interface PriceBasis {
  readonly provider: string;
  /** The model that was asked for, for reports that name none. */
  readonly model: string | null;
  /** `free`: the simulator in a part of its own, `as_model`: in that of a real model, whose price it gets. */
  readonly simulated: 'no' | 'free' | 'as_model';
  readonly custom: CustomCost | null;
  /** The gateway's own prices, then the deployment's; they come before the table's. */
  readonly overrides: readonly PriceRow[];
}

export type ReportCost =
  | {
      readonly kind: 'priced';
      readonly nano: number;
      /** The family that the price is for, and its date. Null: no list was asked, or a price without a date. */
      readonly price: string | null;
      readonly priceDate: string | null;
      readonly notes: readonly CostNote[];
    }
  | { readonly kind: 'unpriced'; readonly reason: UnpricedReason; readonly model: string | null };

type Billed = Parameters<typeof costNano>[0];

const MODALITIES = ['text', 'audio', 'image'] as const;
const TOKENS_PER_PRICE = 1_000_000;
/** Names come from upstream, in whatever length. */
const MODEL_CHARACTERS = 256;

export class Pricer {
  readonly #basis: PriceBasis;
  /** A cost that was given for the whole session goes onto its first report. */
  #charged: boolean;

  constructor(basis: PriceBasis, charged = false) {
    this.#basis = basis;
    this.#charged = charged;
  }

  get charged(): boolean {
    return this.#charged;
  }

  /** Call once for each report, in order. */
  price({ usage, purpose, model: named }: UsageObservation): ReportCost {
    const { simulated, custom } = this.#basis;
    // A transcription is billed by a model of its own.
    const model = (named ?? (purpose === 'response' ? this.#basis.model : null))?.slice(0, MODEL_CHARACTERS);
    const played: readonly CostNote[] = simulated === 'no' ? [] : ['simulated'];
    if (custom?.kind === 'total') return priced(this.#total(custom.usd), [...played, 'custom_cost'], model);
    if (custom !== null && usage.unit === 'tokens')
      return priced(byToken(usage.tokens, custom), [...played, 'custom_cost'], model);
    if (simulated === 'free') return priced([], played, model);
    if (model === undefined) return { kind: 'unpriced', reason: 'no_model', model: null };
    return byList(usage, model, this.#basis, played);
  }

  #total(usd: string): Billed {
    if (this.#charged) return [];
    this.#charged = true;
    return [{ quantity: 1, rate: { usd, per: 1 } }];
  }
}

function byList(usage: Usage, model: string, basis: PriceBasis, played: readonly CostNote[]): ReportCost {
  const own = findPrice(basis.overrides, basis.provider, model);
  const found = own ?? findPrice(PRICE_TABLE, basis.provider, model);
  if (found === null) return { kind: 'unpriced', reason: 'unknown_model', model };
  const billed = billedBy(usage, found.row.price);
  if (typeof billed === 'string') return { kind: 'unpriced', reason: billed, model };
  const notes = [...played];
  if (own !== null) notes.push('price_setting');
  if (found.row.unverified !== undefined) notes.push('price_unverified');
  if (usage.unit === 'tokens' && splitCached(usage.tokens) === null) notes.push('cached_split_unknown');
  return priced(billed, notes, model, found);
}

function priced(
  billed: Billed,
  notes: readonly CostNote[],
  model: string | undefined,
  found: FoundPrice | null = null,
): ReportCost {
  const nano = costNano(billed);
  if (nano === null) return { kind: 'unpriced', reason: 'out_of_range', model: model ?? null };
  const price = found === null ? null : `${found.row.provider}/${found.family}`;
  return { kind: 'priced', nano, price, priceDate: found?.row.asOf ?? null, notes };
}

/** What a report's quantities cost a piece, or why that is not known. */
function billedBy(usage: Usage, price: Price): Billed | UnpricedReason {
  switch (usage.unit) {
    case 'tokens':
      return price.tokens === undefined ? 'no_price_for_unit' : tokensBy(usage.tokens, price.tokens);
    case 'seconds':
      return one(usage.seconds, price.seconds);
    case 'characters':
      return one(usage.characters, price.characters);
    case 'requests':
      return one(usage.requests, price.requests);
    case 'items':
      return one(usage.items, price.items);
  }
}

function one(quantity: number, rate: Price['seconds']): Billed | UnpricedReason {
  return rate === undefined ? 'no_price_for_unit' : [{ quantity, rate }];
}

/** For each modality: (input − cached) × input price + cached × cached price + output × output price. */
function tokensBy(tokens: TokenUsage, prices: TokenPrices): Billed | UnpricedReason {
  const cached = splitCached(tokens) ?? tokens.cached;
  const billed: { quantity: number; rate: { usd: string; per: number } }[] = [];
  for (const modality of MODALITIES) {
    const parts = [
      [Math.max(0, tokens.input[modality] - cached[modality]), prices.input[modality]],
      [cached[modality], prices.cached[modality]],
      [tokens.output[modality], prices.output[modality]],
    ] as const;
    for (const [quantity, usd] of parts) {
      if (quantity === 0) continue;
      if (usd === undefined) return 'no_price_for_modality';
      billed.push({ quantity, rate: { usd, per: TOKENS_PER_PRICE } });
    }
  }
  return billed;
}

/**
 * Cached tokens by modality. Where the provider does not split them, input of one modality alone says whose they are;
 * else null: it cannot be told.
 */
export function splitCached({ input, cached, cachedUnsplit = 0 }: TokenUsage): TokenUsage['cached'] | null {
  if (cachedUnsplit === 0) return cached;
  const [only, ...others] = MODALITIES.filter((modality) => input[modality] > 0);
  if (only === undefined || others.length > 0) return null;
  return { ...cached, [only]: cached[only] + cachedUnsplit };
}

function byToken(tokens: TokenUsage, cost: Extract<CustomCost, { kind: 'tokens' }>): Billed {
  const sum = (counts: TokenUsage['input']) => counts.text + counts.audio + counts.image;
  const cached = sum(tokens.cached) + (tokens.cachedUnsplit ?? 0);
  return [
    { quantity: Math.max(0, sum(tokens.input) - cached), rate: { usd: cost.input, per: 1 } },
    { quantity: cached, rate: { usd: cost.cached, per: 1 } },
    { quantity: sum(tokens.output), rate: { usd: cost.output, per: 1 } },
  ];
}

/** Kinds of reports without a price that are told apart; an upstream can name models without end. */
const UNPRICED_KINDS = 16;

const NO_COST: CostTotals = { cost_nano: null, reports_priced: 0, unpriced: [], cost_notes: {} };

/** Adds up what reports cost. */
export class CostSum {
  #nano: number | null;
  #priced: number;
  readonly #unpriced = new Map<string, UnpricedReports>();
  readonly #notes: Partial<Record<CostNote, number>>;

  /** @param from what had been added up before */
  constructor(from: CostTotals = NO_COST) {
    this.#nano = from.cost_nano;
    this.#priced = from.reports_priced;
    this.#notes = { ...from.cost_notes };
    for (const each of from.unpriced) this.#unpriced.set(`${each.reason} ${each.unit} ${each.model}`, each);
  }

  /** Returns the cost as it was counted: one that would take the sum past what a number holds exactly is not. */
  add(cost: ReportCost, unit: Usage['unit']): ReportCost {
    if (cost.kind === 'unpriced') {
      this.#addUnpriced(cost.reason, cost.model, unit);
      return cost;
    }
    const sum = (this.#nano ?? 0) + cost.nano;
    if (!Number.isSafeInteger(sum))
      return this.add({ kind: 'unpriced', reason: 'out_of_range', model: null }, unit);
    this.#nano = sum;
    this.#priced += 1;
    for (const note of cost.notes) this.#notes[note] = (this.#notes[note] ?? 0) + 1;
    return cost;
  }

  /** In nano-dollars; null while no report has a price. */
  get nano(): number | null {
    return this.#nano;
  }

  totals(): CostTotals {
    return {
      cost_nano: this.#nano,
      reports_priced: this.#priced,
      unpriced: [...this.#unpriced.values()],
      cost_notes: { ...this.#notes },
    };
  }

  #addUnpriced(reason: UnpricedReason, named: string | null, unit: Usage['unit']): void {
    const isKnown = this.#unpriced.has(`${reason} ${unit} ${named}`);
    const model = isKnown || this.#unpriced.size < UNPRICED_KINDS ? named : null;
    const key = `${reason} ${unit} ${model}`;
    const reports = (this.#unpriced.get(key)?.reports ?? 0) + 1;
    this.#unpriced.set(key, { reason, model, unit, reports });
  }
}
