import type { SessionSummary } from '../../protocol/recording.ts';
import { NO_SUMS } from '../../protocol/usage-sums.ts';

/** A session's row in the directory, as short as it can be but for `more`. */
export function summaryWith(id: string, more: Partial<SessionSummary> = {}): SessionSummary {
  return {
    id,
    status: 'live',
    provider: 'openai',
    model: null,
    startedAt: 1_000,
    endedAt: null,
    endedReason: null,
    turns: more.sums?.turns ?? 0,
    tokens: null,
    costNano: null,
    costComplete: true,
    metadata: {},
    feedback: null,
    score: null,
    eventId: null,
    path: 'realtime',
    redriveOf: null,
    success: true,
    sums: NO_SUMS,
    revision: 1,
    ...more,
  };
}
