/** A session as lists and webhooks show it. */
import { dollars } from './money.ts';
import type { SessionSummary } from './recording.ts';
import type { MoneyShape, SessionSummaryShape, UsageShape } from './rest.ts';
import type { Sums } from './usage-sums.ts';

export function summaryShape(summary: SessionSummary): SessionSummaryShape {
  return {
    id: summary.id,
    status: summary.status,
    provider: summary.provider,
    model: summary.model,
    started_at: new Date(summary.startedAt).toISOString(),
    ended_at: summary.endedAt === null ? null : new Date(summary.endedAt).toISOString(),
    duration_ms: summary.endedAt === null ? null : Math.max(0, summary.endedAt - summary.startedAt),
    ended_reason: summary.endedReason,
    turns: summary.turns,
    tokens: summary.tokens,
    cost: moneyShape(summary.costNano, summary.costComplete),
    redrive_of: summary.redriveOf,
    metadata: summary.metadata,
    feedback: summary.feedback,
    score: summary.score,
  };
}

export function moneyShape(nano: number | null, complete: boolean): MoneyShape {
  return { usd: nano === null ? null : dollars(nano), nano_usd: nano, currency: 'USD', complete };
}

/** The figures of one session or of many, but for their cost, which may be unknown. */
export function sumsShape(sums: Sums): Omit<UsageShape, 'group' | 'sessions' | 'cost'> {
  return {
    turns: sums.turns,
    interruptions: sums.interruptions,
    errors: sums.errors,
    duration_ms: sums.duration_ms,
    audio_in_ms: sums.audio_in_ms,
    audio_out_ms: sums.audio_out_ms,
    audio_in_unknown: sums.audio_in_unknown,
    audio_out_unknown: sums.audio_out_unknown,
    reports: sums.reports,
    measured: sums.measured,
    tokens: {
      input_text: sums.input_text,
      input_audio: sums.input_audio,
      input_image: sums.input_image,
      cached_text: sums.cached_text,
      cached_audio: sums.cached_audio,
      cached_image: sums.cached_image,
      output_text: sums.output_text,
      output_audio: sums.output_audio,
      output_image: sums.output_image,
      reasoning: sums.reasoning,
    },
    seconds: sums.seconds,
    characters: sums.characters,
    requests: sums.requests,
    items: sums.items,
  };
}
