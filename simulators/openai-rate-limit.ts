/** The token allowance of a minute, as `rate_limits.updated` tells it. */
import type { JsonObject } from '../protocol/json.ts';

const LIMIT = 40_000;
const REFILL_MS = 60_000;

export class RateLimit {
  #remaining = LIMIT;
  #at = 0;

  spend(tokens: number, now: number): void {
    this.#remaining = Math.max(0, this.#level(now) - tokens);
    this.#at = now;
  }

  shown(now: number): JsonObject {
    const remaining = Math.floor(this.#level(now));
    const resetSeconds = Math.round(((LIMIT - remaining) / LIMIT) * REFILL_MS) / 1000;
    return { name: 'tokens', limit: LIMIT, remaining, reset_seconds: resetSeconds };
  }

  #level(now: number): number {
    return Math.min(LIMIT, this.#remaining + ((now - this.#at) / REFILL_MS) * LIMIT);
  }
}
