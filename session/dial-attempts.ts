/** How often, and how fast, the first dial of a session is tried, and when another model is. */

import type { ConnectPlan } from '../protocol/connect.ts';
import type { DialFailure } from './wire.ts';

export type DialAttempts = ConnectPlan['attempts'];

/** The wait before attempt `next` (2, 3, ...), ms. */
export function waitBefore(next: number, { delayMs, backoff }: DialAttempts): number {
  switch (backoff) {
    case 'constant':
      return delayMs;
    case 'linear':
      return delayMs * (next - 1);
    case 'exponential':
      return delayMs * 2 ** (next - 2);
  }
}

/**
 * Whether a dial that failed is the provider's trouble or the operator's (a stored key that is refused), so that another
 * model may serve. A refusal that says that the client is wrong would only be hidden by it.
 */
export function mayFallBack({ transient, reason }: Pick<DialFailure, 'transient' | 'reason'>): boolean {
  return transient || reason === 'provider_key_rejected';
}
