/** When a delivery that failed is tried again. */

/**
 * Wait before the next attempt, in ms: exponential, with full jitter, so that what failed together is not tried again
 * together.
 *
 * @param failures attempts that failed so far, from 1
 * @param chance from 0 to 1, drawn for this wait
 */
export function backoffMs(failures: number, firstMs: number, mostMs: number, chance: number): number {
  return Math.round(chance * Math.min(mostMs, firstMs * 2 ** (failures - 1)));
}
