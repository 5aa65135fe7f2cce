/** What is read out of a record for long must not outlive it. */
import type { Reading } from './reading.ts';

/** Calls `then` when the record has been deleted; looks no further once `isOver`. */
export async function whenErased(
  { store, changes }: Pick<Reading, 'store' | 'changes'>,
  isOver: () => boolean,
  then: () => void,
): Promise<void> {
  while (!isOver()) {
    await changes.next();
    if (isOver() || store.exists()) continue;
    then();
    return;
  }
}
