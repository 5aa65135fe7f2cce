import { LIMITS } from '../session/limits.ts';
import type { StoredCheckpoint } from '../storage/checkpoint-store.ts';

/**
 * When a recorder looks after its session next. One at rest is left alone: being asked would wake it.
 *
 * @param chance from 0 to 1: sessions that began together are not looked after in step, which would hold up all who talk
 */
export function lookAt(stored: StoredCheckpoint | null, now: number, chance = Math.random()): number {
  let at = now + LIMITS.heartbeatMs * (1 - LIMITS.heartbeatJitter * chance);
  if (stored !== null && stored.lostAt !== null) at = stored.lostAt + stored.checkpoint.graceMs;
  else if (stored?.checkpoint.resting === true)
    at = Math.min(now + LIMITS.restLookMs, stored.checkpoint.endsAt);
  return Math.max(now, at);
}
