/** What lists show of a session, from all that is known of it. */
import { isCostComplete, type SessionSummary } from '../protocol/recording.ts';
import { sumsOf, tokensOf } from '../protocol/usage-sums.ts';
import type { SessionView } from './session-store.ts';

export function summaryOf(id: string, view: SessionView, revision: number): SessionSummary {
  const isEnded = view.ending !== null;
  const costComplete = isCostComplete(view.totals, view.ending);
  const durationMs = isEnded ? Math.max(0, view.ending.at - view.opening.startedAt) : 0;
  const sums = sumsOf(view.totals, durationMs, costComplete);
  const tokens = tokensOf(sums);
  return {
    id,
    status: isEnded ? 'ended' : 'live',
    provider: view.opening.provider,
    model: view.opening.model ?? view.totals?.model ?? null,
    startedAt: view.opening.startedAt,
    endedAt: view.ending?.at ?? null,
    endedReason: view.ending?.reason ?? null,
    turns: view.totals?.responses ?? 0,
    tokens: tokens === null ? null : tokens.in + tokens.out,
    costNano: view.totals?.cost_nano ?? null,
    costComplete,
    metadata: view.annotations.metadata ?? view.opening.metadata,
    feedback: view.annotations.feedback,
    score: view.annotations.score,
    eventId: view.opening.eventId,
    path: view.opening.path ?? '',
    redriveOf: view.opening.redriveOf ?? null,
    success: isSuccess(view),
    sums,
    revision,
  };
}

/** Close codes with which a provider ends a session that is simply over. */
const OVER = [1000, 1001, 1005];
const ENDED_ON_PURPOSE = ['ended_by_request', 'deleted', 'grace_over', 'session_too_long', 'budget_exceeded'];

function isSuccess({ live, ending }: SessionView): boolean {
  if (live === null) return ending === null;
  switch (ending?.closedBy) {
    case undefined:
    case 'client':
      return true;
    case 'upstream':
      return OVER.includes(ending?.code ?? 0);
    case 'parley':
      return ENDED_ON_PURPOSE.includes(ending?.reason ?? '');
  }
}
