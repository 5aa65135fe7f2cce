/** Prices that a deployment sets (`PARLEY_PRICES`) or a connection brings (`cf-aig-custom-cost`): both are JSON. */
import * as v from 'valibot';
import { attoDollars } from './money.ts';
import type { Price, PriceRow } from './prices.ts';

export const PRICES_SETTING = 'PARLEY_PRICES';
const MAX_ROWS = 1000;

/** A number as JSON has it is the decimal that its digits say, not the binary fraction nearest to it. */
const Usd = v.pipe(
  v.union([v.number(), v.string()], 'must be dollars: a number such as 0.006, or the same as text'),
  v.transform(String),
  v.check(
    (text) => attoDollars(text) !== null,
    'must be dollars: not negative, at most 18 decimals, such as 0.006',
  ),
);
const MaybeUsd = v.optional(Usd);

/** Unknown names are refused: a price under a mistyped one would be missed in silence. */
function priceObject<const T extends v.ObjectEntries>(entries: T) {
  return v.strictObject(entries, (issue) =>
    issue.expected === 'never'
      ? `is not known here; there is ${Object.keys(entries).join(', ')}`
      : `must be an object with ${Object.keys(entries).join(', ')}`,
  );
}

const TokenOverride = priceObject({
  input_text: MaybeUsd,
  input_audio: MaybeUsd,
  input_image: MaybeUsd,
  cached_text: MaybeUsd,
  cached_audio: MaybeUsd,
  cached_image: MaybeUsd,
  output_text: MaybeUsd,
  output_audio: MaybeUsd,
  output_image: MaybeUsd,
});
const PriceOverride = v.pipe(
  priceObject({
    usd_per_million_tokens: v.optional(TokenOverride),
    usd_per_second: MaybeUsd,
    usd_per_minute: MaybeUsd,
    usd_per_hour: MaybeUsd,
    usd_per_thousand_characters: MaybeUsd,
    usd_per_request: MaybeUsd,
    usd_per_item: MaybeUsd,
  }),
  v.check((price) => Object.keys(price).length > 0, 'has no price'),
  v.check(
    (price) => [price.usd_per_second, price.usd_per_minute, price.usd_per_hour].filter(Boolean).length <= 1,
    'must price time once: by second, minute or hour',
  ),
);
type PriceOverride = v.InferOutput<typeof PriceOverride>;

const Overrides = v.pipe(
  v.record(
    v.pipe(
      v.string(),
      v.regex(
        /^[a-z0-9-]{1,64}\/\S{1,256}$/,
        'must be named <provider>/<model>, such as openai/gpt-realtime',
      ),
    ),
    PriceOverride,
    'must be a JSON object of prices by "<provider>/<model>"',
  ),
  v.check((rows) => Object.keys(rows).length <= MAX_ROWS, `may hold ${MAX_ROWS} prices at most`),
);

export type ReadPrices =
  | { readonly ok: true; readonly rows: readonly PriceRow[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the setting's value: JSON text, or what such text means. Each problem is a sentence that names the place. */
export function readPrices(value: unknown): ReadPrices {
  const given = typeof value === 'string' ? fromJson(value) : value;
  // A list is an object too, to the schema.
  const parsed = v.safeParse(Overrides, Array.isArray(given) ? null : given);
  if (!parsed.success) return { ok: false, problems: parsed.issues.map(sentence) };
  return { ok: true, rows: Object.entries(parsed.output).map(([name, override]) => toRow(name, override)) };
}

function sentence(issue: v.BaseIssue<unknown>): string {
  const place = issue.path?.map(({ key }) => String(key)).join(' → ');
  return place === undefined
    ? `${PRICES_SETTING} ${issue.message}.`
    : `${PRICES_SETTING}: ${place} ${issue.message}.`;
}

/** Undefined when it is no JSON, which no schema takes for anything. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toRow(name: string, override: PriceOverride): PriceRow {
  const slash = name.indexOf('/');
  return {
    provider: name.slice(0, slash),
    models: [name.slice(slash + 1)],
    asOf: null,
    source: PRICES_SETTING,
    price: toPrice(override),
  };
}

function toPrice(override: PriceOverride): Price {
  const { usd_per_million_tokens: tokens, usd_per_thousand_characters: characters } = override;
  const seconds =
    rate(override.usd_per_second, 1) ??
    rate(override.usd_per_minute, 60) ??
    rate(override.usd_per_hour, 3600);
  return {
    ...(tokens === undefined ? {} : { tokens: tokenPrices(tokens) }),
    ...(seconds === null ? {} : { seconds }),
    ...(characters === undefined ? {} : { characters: { usd: characters, per: 1000 } }),
    ...(override.usd_per_request === undefined
      ? {}
      : { requests: { usd: override.usd_per_request, per: 1 } }),
    ...(override.usd_per_item === undefined ? {} : { items: { usd: override.usd_per_item, per: 1 } }),
  };
}

function rate(usd: string | undefined, per: number) {
  return usd === undefined ? null : { usd, per };
}

/** What is not said of cached input costs what other input does. */
function tokenPrices(tokens: v.InferOutput<typeof TokenOverride>): NonNullable<Price['tokens']> {
  return {
    input: modalities(tokens.input_text, tokens.input_audio, tokens.input_image),
    cached: modalities(
      tokens.cached_text ?? tokens.input_text,
      tokens.cached_audio ?? tokens.input_audio,
      tokens.cached_image ?? tokens.input_image,
    ),
    output: modalities(tokens.output_text, tokens.output_audio, tokens.output_image),
  };
}

function modalities(text: string | undefined, audio: string | undefined, image: string | undefined) {
  return {
    ...(text === undefined ? {} : { text }),
    ...(audio === undefined ? {} : { audio }),
    ...(image === undefined ? {} : { image }),
  };
}

/** What one connection says its session costs, as AI Gateway takes it. */
export type CustomCost =
  /** Dollars for each token, of whatever modality. */
  | { readonly kind: 'tokens'; readonly input: string; readonly cached: string; readonly output: string }
  /** Dollars for the whole session. */
  | { readonly kind: 'total'; readonly usd: string };

const CustomCostShape = v.union(
  [
    v.strictObject({ total_cost: Usd }),
    v.strictObject({
      per_token_in: Usd,
      per_token_out: Usd,
      per_cache_read_token: MaybeUsd,
      // No realtime provider reports what it wrote into its cache, so there is nothing to multiply it with.
      per_cache_write_token: MaybeUsd,
    }),
  ],
  'must be JSON with per_token_in and per_token_out (and per_cache_read_token, per_cache_write_token), or with total_cost: dollars, not negative',
);

/** Parses the header's value. */
export const CustomCostHeader = v.pipe(
  v.string(),
  v.transform(fromJson),
  CustomCostShape,
  v.transform((cost): CustomCost =>
    'total_cost' in cost
      ? { kind: 'total', usd: cost.total_cost }
      : {
          kind: 'tokens',
          input: cost.per_token_in,
          cached: cost.per_cache_read_token ?? cost.per_token_in,
          output: cost.per_token_out,
        },
  ),
);
