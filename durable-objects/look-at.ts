import { LIMITS } from '../session/limits.ts';
import type { StoredCheckpoint } from '../storage/checkpoint-store.ts';

/** When a recorder looks after its session next. One at rest is left alone: being asked would wake it. */
export function lookAt(stored: StoredCheckpoint | null, now: number): number {
  let at = now + LIMITS.heartbeatMs;
  if (stored !== null && stored.lostAt !== null) at = stored.lostAt + stored.checkpoint.graceMs;
  else if (stored?.checkpoint.resting === true)
    at = Math.min(now + LIMITS.restLookMs, stored.checkpoint.endsAt);
  return Math.max(now, at);
}
