/** Waits for what nobody tells the end of. */

/**
 * Ends a wait before the test's own limit does, which would not say what did not come. How long something takes is the
 * machine's: no test may depend on it.
 */
export const PATIENCE_MS = 45_000;
const LOOK_MS = 20;

/** Resolves with what `look` finds, once that is something; rejects with `what` when nothing comes. */
export async function eventually<T>(what: string, look: () => Promise<T | null> | T | null): Promise<T> {
  // Tests move the clock of Date.
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > until) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
