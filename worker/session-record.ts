/** What the recorder of a request's session is asked, by more than one handler. */
import type { RecorderObject } from '../durable-objects/recorder-object.ts';
import { sessionObjectName } from '../protocol/connect.ts';
import { BrokerError } from '../protocol/errors.ts';
import type { LogRecord } from '../protocol/recording.ts';
import { LIMITS } from '../session/limits.ts';
import type { SessionView, StoredRecord } from '../storage/session-store.ts';
import type { RouteContext } from './routes.ts';

export function recorderOf({
  env,
  account,
  gateway,
  session,
}: RouteContext): DurableObjectStub<RecorderObject> {
  return env.RECORDER.getByName(sessionObjectName({ account, gateway, id: session }));
}

/** @throws session_not_found */
export async function viewOf(context: RouteContext): Promise<SessionView> {
  const view: SessionView | null = await recorderOf(context).describe();
  if (view === null) throw new BrokerError('session_not_found');
  return view;
}

/** @throws session_not_found also when it was deleted after it was asked for: what is left would be taken for all */
export async function recordsOf(
  context: RouteContext,
  kinds: readonly LogRecord['kind'][],
  after: number,
  limit: number,
): Promise<StoredRecord[]> {
  const records: StoredRecord[] | null = await recorderOf(context).records(kinds, after, limit);
  if (records === null) throw new BrokerError('session_not_found');
  return records;
}

/**
 * Asks the recorder as often as it takes.
 *
 * @param atOnce as many of these kinds as go over in one answer
 * @returns `complete` is false where there are more than `LIMITS.transcriptTotalCharacters`: those after are left out
 * @throws session_not_found as `recordsOf` does
 */
export async function allRecords(
  context: RouteContext,
  kinds: readonly LogRecord['kind'][],
  atOnce: number,
): Promise<{ readonly records: readonly StoredRecord[]; readonly complete: boolean }> {
  const records: StoredRecord[] = [];
  let characters = 0;
  for (let after = 0; ;) {
    const found = await recordsOf(context, kinds, after, atOnce);
    records.push(...found);
    if (found.length < atOnce) return { records, complete: true };
    characters += found.reduce((sum, { body }) => sum + body.length, 0);
    if (characters > LIMITS.transcriptTotalCharacters) return { records, complete: false };
    after = found.at(-1)?.id ?? after;
  }
}
