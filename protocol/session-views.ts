/** Parts of a session that can be read by themselves. */
import * as v from 'valibot';
import { COST_NOTES, UNPRICED_REASONS } from './prices.ts';
import { Count, SessionShape, Time, whole } from './rest.ts';

export const USAGE_UNITS = ['tokens', 'seconds', 'characters', 'requests', 'items'] as const;

export const RecordsQuery = v.strictObject({
  after: v.optional(whole(0, Number.MAX_SAFE_INTEGER)),
  limit: v.optional(whole(1, 1000)),
});

export const TurnShape = v.object({
  ...SessionShape.entries.turns.item.entries,
  /** Read out of the provider's frames afterwards; no frame says all of it. */
  derived: v.literal(true),
  /** The provider said that it begins. */
  started_at: v.nullable(Time),
  ended_at: Time,
  /** How long each stage took. Null: one of its ends is not known. */
  stages: v.object({
    /** From the end of the request to the provider's beginning. */
    accepted_ms: v.nullable(Count),
    /** From there to the first audio or text. */
    thinking_ms: v.nullable(Count),
    /** From there to the end of what was sent; what is heard of it takes longer. */
    output_ms: v.nullable(Count),
  }),
});
export type TurnShape = v.InferOutput<typeof TurnShape>;

export const SessionUsageShape = v.object({
  ...SessionShape.entries.usage.entries,
  audio: SessionShape.entries.audio,
  cost: SessionShape.entries.cost,
  /** Every report, in the order in which they came. */
  reports: v.array(
    v.object({
      at: Time,
      seq: Count,
      purpose: v.picklist(['response', 'transcription']),
      model: v.nullable(v.string()),
      /** Whose figure it is: the provider's, or measured here because the provider reports none. */
      source: v.picklist(['provider', 'measured']),
      /** In Parley's words. */
      counted: v.objectWithRest({ unit: v.picklist(USAGE_UNITS) }, v.unknown()),
      /** In the provider's. */
      reported: v.unknown(),
      /** What it is the bill of, so that it counts once: of a turn, where the provider reports by it, the `response_id`. */
      key: v.string(),
      /** In billionths of a dollar; null: it has no price. */
      cost_nano_usd: v.nullable(Count),
      /** The row of a list that it was priced by, as `provider/family`, and that row's date; null: no list was asked. */
      price: v.nullable(v.string()),
      price_date: v.nullable(v.string()),
      notes: v.array(v.picklist(COST_NOTES)),
      /** Why it has no price; null: it has one. */
      unpriced: v.nullable(v.picklist(UNPRICED_REASONS)),
    }),
  ),
});
export type SessionUsageShape = v.InferOutput<typeof SessionUsageShape>;

export const ParticipantShape = SessionShape.entries.clients.item;
