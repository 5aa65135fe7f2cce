/** All of a session's records of some kinds. */
import type { LogRecord } from '../protocol/recording.ts';
import { LIMITS } from '../session/limits.ts';
import type { StoredRecord } from '../storage/session-store.ts';

interface Recorder {
  records(kinds: readonly LogRecord['kind'][], after: number, limit: number): Promise<StoredRecord[]>;
}

/**
 * Asks the recorder as often as it takes.
 *
 * @param atOnce as many of these kinds as go over in one answer
 * @returns `complete` is false where there are more than `LIMITS.transcriptTotalCharacters`: those after are left out
 */
export async function allRecords(
  recorder: Recorder,
  kinds: readonly LogRecord['kind'][],
  atOnce: number,
): Promise<{ readonly records: readonly StoredRecord[]; readonly complete: boolean }> {
  const records: StoredRecord[] = [];
  let characters = 0;
  for (let after = 0; ;) {
    const found = await recorder.records(kinds, after, atOnce);
    records.push(...found);
    if (found.length < atOnce) return { records, complete: true };
    characters += found.reduce((sum, { body }) => sum + body.length, 0);
    if (characters > LIMITS.transcriptTotalCharacters) return { records, complete: false };
    after = found.at(-1)?.id ?? after;
  }
}
