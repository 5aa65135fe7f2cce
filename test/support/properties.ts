/** Before every file of unit tests. */
import * as fc from 'fast-check';

/**
 * The same examples in each run, so that a run that fails does so again, and nothing else does: `npm run fuzz` looks for
 * others. `PARLEY_TEST_SEED` is one that a run which failed has told, or `random`.
 */
const SEED = process.env['PARLEY_TEST_SEED'] ?? '20261125';

/**
 * A property that does not hold is told as such, however long the search for a smaller example would go on: it never
 * lets go of the thread, so the test's own time limit, which is longer, could not end it.
 */
fc.configureGlobal({
  interruptAfterTimeLimit: 40_000,
  markInterruptAsFailure: true,
  ...(SEED !== 'random' && { seed: Number(SEED) }),
});
