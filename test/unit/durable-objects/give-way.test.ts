import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { givingWay, someoneTalks } from '../../../durable-objects/give-way.ts';

const KIB = 1024;

/** Later than anybody talked: in this test, and in others of the same process. */
let quietAt = 10_000_000_000_000;

beforeEach(() => {
  quietAt += 60_000;
  vi.useFakeTimers({ now: quietAt });
});
afterEach(() => {
  vi.useRealTimers();
});

/** ms until the work goes on; null: it is not held up. */
async function heldUp(turn: Promise<void> | null): Promise<number | null> {
  if (turn === null) return null;
  const from = Date.now();
  await Promise.all([turn, vi.runAllTimersAsync()]);
  return Date.now() - from;
}

describe('P4 who reads a long log does not hold up those who talk', () => {
  it('goes on without a break within a slice, and lets others go first after it', async () => {
    const giveWay = givingWay();
    expect(giveWay(16 * KIB)).toBe(null);
    expect(await heldUp(giveWay(16 * KIB))).toBe(0);
    expect(giveWay(16 * KIB)).toBe(null);
  });

  it('counts frames without content too', async () => {
    const giveWay = givingWay();
    let frames = 1;
    while (giveWay(0) === null) frames += 1;
    expect(frames).toBe(128);
  });

  it('takes shorter slices and rests while somebody talks, and none a second later', async () => {
    const giveWay = givingWay();
    someoneTalks();
    expect(await heldUp(giveWay(8 * KIB))).toBe(2);
    vi.setSystemTime(Date.now() + 1000);
    expect(giveWay(8 * KIB)).toBe(null);
  });

  it('each reader has slices of its own', () => {
    const [one, other] = [givingWay(), givingWay()];
    expect(one(24 * KIB)).toBe(null);
    expect(other(24 * KIB)).toBe(null);
  });
});
