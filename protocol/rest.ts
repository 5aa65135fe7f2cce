/**
 * The shapes of the REST API: one source for checking requests, for the types, and for `/openapi.json`.
 * Snake case, RFC 3339 times, `null` for unknown.
 */
import * as v from 'valibot';
import { BUDGETS } from './admission.ts';
import { ROLES } from './connect.ts';
import { nanoDollars } from './money.ts';
import { COST_NOTES, UNPRICED_REASONS } from './prices.ts';

/** Accounts, gateways and sessions are named so. */
export const Name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -'),
);

const TIME_HINT = 'must be an RFC 3339 time such as 2026-11-24T12:00:00Z';
export const Time = v.pipe(
  v.string(),
  v.isoTimestamp(TIME_HINT),
  // ISO 8601 has more forms of an offset (+05, +0530), which Date.parse makes NaN of.
  v.regex(/(Z|[+-][0-9]{2}:[0-9]{2})$/, TIME_HINT),
);
export const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(256));

export function whole(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.pipe(
    v.string(),
    v.regex(/^[0-9]{1,16}$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
}

const DOLLARS = 'must be dollars, such as 0.25';

/** Dollars, read as nano-dollars. */
const Dollars = v.pipe(
  v.string(),
  v.regex(/^[0-9]{1,7}(\.[0-9]{1,9})?$/, DOLLARS),
  v.transform(nanoDollars),
  v.number(DOLLARS),
);

export const SCOPES = ['connect', 'observe', 'read', 'admin'] as const;

const Tag = v.union([v.string(), v.number(), v.boolean()]);
export const Metadata = v.record(v.pipe(v.string(), v.minLength(1), v.maxLength(64)), Tag);

export const SessionsQuery = v.strictObject({
  status: v.optional(v.picklist(['live', 'ended'])),
  provider: v.optional(Text),
  model: v.optional(Text),
  ended_reason: v.optional(Text),
  since: v.optional(Time),
  until: v.optional(Time),
  /** Sessions that cost so many dollars or more; those of unknown cost are left out. */
  min_cost: v.optional(Dollars),
  /** Sessions that repeat this one. */
  redrive_of: v.optional(Name),
  cursor: v.optional(Text),
  limit: v.optional(whole(1, 100)),
});

/** `metadata.<key>` is checked where it is read. */
export const UsageQuery = v.strictObject({
  group_by: v.optional(Text),
  since: v.optional(Time),
  until: v.optional(Time),
});

export const TAGS_MAX = 5;
const TAGS_CHARACTERS_MAX = 4096;
const SCORE = 'must be a number from 0 to 100';

/** What is not named stays; null takes back what was said before (of tags: what the session was opened with stands). */
export const SessionPatch = v.strictObject({
  metadata: v.exactOptional(
    v.nullable(
      v.pipe(
        Metadata,
        v.check((tags) => Object.keys(tags).length <= TAGS_MAX, `must have at most ${TAGS_MAX} tags`),
        v.check(
          (tags) => JSON.stringify(tags).length <= TAGS_CHARACTERS_MAX,
          `must be under ${TAGS_CHARACTERS_MAX} characters`,
        ),
      ),
    ),
  ),
  feedback: v.exactOptional(v.nullable(v.picklist([-1, 0, 1], 'must be -1, 0 or 1'))),
  score: v.exactOptional(v.nullable(v.pipe(v.number(SCORE), v.minValue(0, SCORE), v.maxValue(100, SCORE)))),
});

/** For what takes no parameters. */
export const NoQuery = v.strictObject({});

export const TokenRequest = v.strictObject({
  scope: v.optional(v.pipe(v.array(v.picklist(SCOPES)), v.minLength(1)), ['connect']),
  /** Providers that may be dialled; absent: all. */
  providers: v.optional(v.array(Text)),
  /** Models that may be asked for; absent: all. */
  models: v.optional(v.array(Text)),
  /** The one session that may be joined or created. */
  session: v.optional(Name),
  role: v.optional(v.picklist(ROLES)),
  /** Longest duration of a session that this token opens. */
  max_seconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(604_800))),
  /** Dollars that the sessions which this token opens may cost together, for as long as it is good. */
  max_cost_usd: v.optional(
    v.pipe(
      v.number(),
      v.gtValue(0, 'must be more than 0'),
      v.check((usd) => nanoDollars(String(usd)) !== null, 'must be dollars, such as 0.25'),
    ),
  ),
  /** The only browser origin that may use it. */
  origin: v.optional(
    v.pipe(
      v.string(),
      v.url('must be a URL'),
      v.regex(/^https?:/, 'must be an http or https origin such as https://app.example'),
    ),
  ),
  expires_in: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(86_400)), 3600),
});
export type TokenRequest = v.InferOutput<typeof TokenRequest>;

export const ClientSecretRequest = v.object({
  expires_after: v.optional(
    v.object({
      anchor: v.literal('created_at', "must be 'created_at'"),
      seconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(7200)), 600),
    }),
  ),
  session: v.optional(
    v.strictObject({
      type: v.optional(v.picklist(['realtime', 'transcription'])),
      model: v.optional(Text),
    }),
  ),
});

export const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

const TokenSums = v.object({
  input_text: Count,
  input_audio: Count,
  input_image: Count,
  cached_text: Count,
  cached_audio: Count,
  cached_image: Count,
  output_text: Count,
  output_audio: Count,
  output_image: Count,
  reasoning: Count,
});

const UsageSums = v.object({
  /** How many reports were added up, and how many of them were measured here, since the provider tells none. */
  reports: Count,
  measured: Count,
  tokens: TokenSums,
  seconds: v.number(),
  characters: Count,
  requests: Count,
  items: Count,
});

const Feedback = v.nullable(v.picklist([-1, 0, 1]));
const Score = v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(100)));

const MoneyEntries = {
  /** Dollars with nine decimals. Null: no report of usage has a price. */
  usd: v.nullable(v.string()),
  /** The same in billionths of a dollar. */
  nano_usd: v.nullable(Count),
  currency: v.literal('USD'),
  /** False: reports without a price, or lost in a crash, are not in it. */
  complete: v.boolean(),
};
const Money = v.object(MoneyEntries);
export type MoneyShape = v.InferOutput<typeof Money>;

const Cost = v.object({
  ...MoneyEntries,
  reports_priced: Count,
  unpriced: v.array(
    v.object({
      reason: v.picklist(UNPRICED_REASONS),
      model: v.nullable(v.string()),
      unit: v.picklist(['tokens', 'seconds', 'characters', 'requests', 'items']),
      reports: Count,
    }),
  ),
  /** What must be known beside the sum, and for how many reports it holds. */
  notes: v.array(v.object({ note: v.picklist(COST_NOTES), reports: Count })),
  /** Date of the built-in price table of this deployment. */
  price_table: v.string(),
});

export const SessionSummaryShape = v.object({
  id: v.string(),
  status: v.picklist(['live', 'ended']),
  provider: v.string(),
  model: v.nullable(v.string()),
  started_at: Time,
  ended_at: v.nullable(Time),
  duration_ms: v.nullable(Count),
  ended_reason: v.nullable(v.string()),
  turns: Count,
  tokens: v.nullable(Count),
  cost: Money,
  redrive_of: v.nullable(v.string()),
  metadata: Metadata,
  feedback: Feedback,
  score: Score,
});

export const UsageShape = v.object({
  /** The hour's beginning, the provider, the model or the tag's value; null: unknown, not tagged, or not grouped. */
  group: v.nullable(v.string()),
  sessions: Count,
  turns: Count,
  interruptions: Count,
  errors: Count,
  /** Of sessions that have ended. */
  duration_ms: Count,
  audio_in_ms: Count,
  audio_out_ms: Count,
  /** Sessions with audio of an unknown format, which is not in those sums. */
  audio_in_unknown: Count,
  audio_out_unknown: Count,
  /** How many reports of usage were added up, and how many of them were measured here. */
  reports: Count,
  measured: Count,
  tokens: TokenSums,
  seconds: v.number(),
  characters: Count,
  requests: Count,
  items: Count,
  cost: Money,
});
export type UsageShape = v.InferOutput<typeof UsageShape>;

/** The recorder was behind, the object was lost, records were lost, or the log was as large as it may be. */
export const GAP_REASONS = ['recorder_behind', 'interrupted', 'records_lost', 'log_limit'] as const;

export const SessionShape = v.object({
  id: v.string(),
  account: v.string(),
  gateway: v.string(),
  status: v.picklist(['live', 'ended']),
  provider: v.string(),
  model: v.nullable(v.string()),
  /** True when the built-in simulator played the provider. */
  simulated: v.boolean(),
  key_source: v.picklist(['client', 'stored', 'none']),
  log: v.picklist(['full', 'metadata', 'none']),
  started_at: Time,
  /** When the provider's socket opened; null when it never did. */
  live_at: v.nullable(Time),
  dial_ms: v.nullable(Count),
  ended_at: v.nullable(Time),
  duration_ms: v.nullable(Count),
  ended_reason: v.nullable(v.string()),
  closed_by: v.nullable(v.picklist(['client', 'upstream', 'parley'])),
  /** As it was seen: 1006 stays 1006 here. */
  close_code: v.nullable(Count),
  close_reason: v.nullable(v.string()),
  metadata: Metadata,
  feedback: Feedback,
  score: Score,
  event_id: v.nullable(v.string()),
  /** The session whose client's side it repeats. */
  redrive_of: v.nullable(v.string()),
  clients: v.array(
    v.object({
      id: v.string(),
      role: v.picklist(ROLES),
      user_agent: v.nullable(v.string()),
      joined_at: Time,
      /** Null: still there. Of whom a crash cut off: at the latest. */
      left_at: v.nullable(Time),
      close_code: v.nullable(Count),
      close_reason: v.nullable(v.string()),
    }),
  ),
  frames: v.object({
    up: Count,
    down: Count,
    bytes_up: Count,
    bytes_down: Count,
    /** Relayed, and not in the log: `gaps` says why. */
    not_logged: Count,
    /** Stored without something that a rule names. */
    redacted: Count,
  }),
  /** What the log lacks. Of a gap that goes on, and after a crash, the numbers are unknown. */
  gaps: v.array(
    v.object({
      seq: Count,
      at: Time,
      reason: v.picklist(GAP_REASONS),
      frames: v.nullable(Count),
      bytes: v.nullable(Count),
    }),
  ),
  /** Upstream frames sent on to clients. */
  received: Count,
  /** Bytes of the log on disk. */
  log_bytes: Count,
  turns: v.array(
    v.object({
      response_id: v.string(),
      outcome: v.picklist(['completed', 'interrupted', 'failed', 'incomplete']),
      output: v.nullable(v.picklist(['audio', 'text'])),
      asked_at: v.nullable(Time),
      first_output_at: v.nullable(Time),
      /** From the end of the request (speech, commit or response.create) to the first audio or text. */
      first_output_ms: v.nullable(Count),
      duration_ms: v.nullable(Count),
      seq: Count,
    }),
  ),
  /** Dials that did not open, the first and later ones: of which provider and model, why, and its HTTP status if it answered. */
  failed_dials: v.array(
    v.object({
      at: Time,
      provider: v.string(),
      model: v.nullable(v.string()),
      attempt: Count,
      code: v.string(),
      status: v.nullable(Count),
    }),
  ),
  latency: v.object({
    turns: Count,
    p50_ms: v.nullable(Count),
    p95_ms: v.nullable(Count),
    max_ms: v.nullable(Count),
  }),
  /** Time without a frame either way for a second or more. A microphone that streams is not silent here. */
  silence: v.object({ total_ms: v.nullable(Count), longest_ms: v.nullable(Count) }),
  interruptions: Count,
  tool_calls: Count,
  errors: Count,
  /** Measured from the frames; null: of unknown format. */
  audio: v.object({ in_ms: v.nullable(v.number()), out_ms: v.nullable(v.number()) }),
  /** The provider's own figures. `complete` is false after a crash: reports may be missing. */
  usage: v.object({ response: UsageSums, transcription: UsageSums, complete: v.boolean() }),
  cost: Cost,
  /** Those that were spent while it ran. `ended`: the session was ended for it. */
  budgets: v.array(
    v.object({
      budget: v.picklist(BUDGETS),
      limit_usd: v.string(),
      spent_usd: v.string(),
      verdict: v.picklist(['warned', 'ended']),
      at: Time,
    }),
  ),
});
export type SessionShape = v.InferOutput<typeof SessionShape>;
export type SessionSummaryShape = v.InferOutput<typeof SessionSummaryShape>;

export const TokenShape = v.object({
  /** Shown once, when it is made. */
  token: v.optional(v.string()),
  jti: v.string(),
  scope: v.array(v.picklist(SCOPES)),
  issued_at: Time,
  expires_at: Time,
  revoked: v.boolean(),
  providers: v.optional(v.array(v.string())),
  models: v.optional(v.array(v.string())),
  session: v.optional(v.string()),
  role: v.optional(v.picklist(ROLES)),
  max_seconds: v.optional(Count),
  max_cost_usd: v.optional(v.number()),
  origin: v.optional(v.string()),
});
export type TokenShape = v.InferOutput<typeof TokenShape>;

export const ClientSecretShape = v.object({
  value: v.string(),
  /** Unix seconds. */
  expires_at: Count,
  session: v.object({ type: v.string(), object: v.string(), id: v.string(), model: v.optional(v.string()) }),
});

export const DeletedShape = v.object({ id: v.string(), deleted: v.boolean() });
export const EndedShape = v.object({ id: v.string(), status: v.literal('ended') });
export const RevokedShape = v.object({ jti: v.string(), revoked: v.boolean() });
