/** How often, and how fast, the first dial of a session is tried. */

import type { ConnectPlan } from '../protocol/connect.ts';

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
