/** Before every file of unit tests. */
import * as fc from 'fast-check';

/**
 * A property that does not hold is told as such, however long the search for a smaller example would go on: it never
 * lets go of the thread, so the test's own time limit, which is longer, could not end it.
 */
fc.configureGlobal({ interruptAfterTimeLimit: 40_000, markInterruptAsFailure: true });
