/** A day's budget begins anew at midnight UTC: what a test spends of one is spent on one day. */
import { DAY_MS } from '../../protocol/admission.ts';

const LONGEST_MS = 30_000;

/** Resolves at once, but for the last half minute of a day. */
export async function clearOfMidnight(): Promise<void> {
  const left = DAY_MS - (Date.now() % DAY_MS);
  if (left < LONGEST_MS) await new Promise((resolve) => setTimeout(resolve, left));
}
