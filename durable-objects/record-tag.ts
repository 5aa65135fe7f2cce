/** What a reader may keep of a record, and ask for again by its tag. */
import type { SessionView } from '../storage/session-store.ts';

/**
 * Strong; null while the session lives: the log of one that has ended does not change any more.
 *
 * @param form what tells apart what is made of one log, without a comma or a quote
 */
export function recordTag({ opening, ending, lastSeq, logBytes }: SessionView, form: string): string | null {
  return ending === null ? null : `"${opening.startedAt.toString(36)}-${lastSeq}-${logBytes}-${form}"`;
}

/** With a tag it is kept, and asked for again each time: the session may have been deleted since. */
export function cacheHeaders(etag: string | null): Record<string, string> {
  return etag === null ? { 'cache-control': 'no-store' } : { 'cache-control': 'private, no-cache', etag };
}
