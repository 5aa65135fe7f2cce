import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../protocol/backoff.ts';
import { LIMITS } from '../../../session/limits.ts';

const { retryFirstMs, retryMostMs, deliveryAttempts } = LIMITS;

describe('P10 the wait before another attempt', () => {
  it('P10 doubles up to the most, and is anything below it by chance', () => {
    const longest = [1, 2, 3, 13, 14, 1000].map((failures) =>
      backoffMs(failures, retryFirstMs, retryMostMs, 1),
    );
    expect(longest).toEqual([2_000, 4_000, 8_000, 8_192_000, 10_800_000, 10_800_000]);
    expect(backoffMs(3, retryFirstMs, retryMostMs, 0)).toBe(0);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, chance) => {
          const wait = backoffMs(failures, retryFirstMs, retryMostMs, chance);
          expect(Number.isInteger(wait) && wait >= 0 && wait <= retryMostMs).toBe(true);
        },
      ),
    );
  });

  it('P10 all attempts together take about a day', () => {
    let sum = 0;
    for (let failures = 1; failures < deliveryAttempts; failures += 1)
      sum += backoffMs(failures, retryFirstMs, retryMostMs, 0.5);
    const hours = sum / 3_600_000;
    expect(hours).toBeGreaterThan(20);
    expect(hours).toBeLessThan(28);
  });
});
