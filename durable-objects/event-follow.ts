/** A frame log as server-sent events, which go on as long as the session lives. */
import { LIMIT_REACHED } from '../protocol/event-shape.ts';
import { LIMITS } from '../session/limits.ts';
import { lastOf, type LoggedEvent } from '../storage/events.ts';
import type { LogPlace } from '../storage/frame-log.ts';
import type { SessionStore, SessionView } from '../storage/session-store.ts';
import type { Changes } from './changes.ts';

export interface Following {
  readonly store: SessionStore;
  readonly changes: Changes;
  /** Moves along with what is read. */
  readonly place: LogPlace;
  /** The stream ends after so many events, or before this number. */
  readonly limit: number | null;
  readonly before: number | null;
}

/** @param read what is stored behind the place and was not read yet; null in what is yielded: see `streamed` */
export async function* followed(
  { store, changes, place, limit, before }: Following,
  read: () => AsyncGenerator<LoggedEvent>,
): AsyncGenerator<string | null> {
  yield `retry: ${LIMITS.streamRetryMs}\n\n`;
  for (let count = 0; ;) {
    // Taken before the log is read: what is stored meanwhile is not waited for.
    const change = changes.next();
    if (!store.exists()) return yield endEvent(store, place.seq);
    const isLast = isOver(store);
    for await (const event of read()) {
      yield eventText(event);
      count += 1;
      if (limit !== null && count >= limit) return yield endEvent(store, LIMIT_REACHED);
    }
    if (isLast || (before !== null && place.seq >= before - 1)) return yield endEvent(store, place.seq);
    yield null;
    if (await isSilent(change)) yield ': \n\n';
  }
}

function isOver(store: SessionStore): boolean {
  return store.view()?.ending !== null;
}

/** True when nothing came for so long that the connection has to be kept from being taken for dead. */
function isSilent(change: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), LIMITS.streamCommentMs);
    void change.then(() => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}

/** A gap is told where it is noticed, which may be after later frames: it is no place to go on from. */
function eventText(event: LoggedEvent): string {
  const id = event.kind === 'gap' ? '' : `id: ${lastOf(event)}\n`;
  return `${id}data: ${JSON.stringify(event)}\n\n`;
}

/**
 * Its id is past all that was asked for: a browser comes back with it, and is told that there is no more.
 *
 * @param at how far the log of a live session was read, null where it may be read on
 */
export function endEvent(store: SessionStore, at: number | typeof LIMIT_REACHED | null): string {
  const view = store.view();
  const last = at !== LIMIT_REACHED && view !== null && view.ending !== null ? view.lastSeq : at;
  const id = view === null || last === null ? '' : `id: ${last}\n`;
  return `event: end\n${id}data: ${JSON.stringify(endOf(view))}\n\n`;
}

function endOf(view: SessionView | null) {
  if (view === null) return { status: 'deleted' };
  const { ending } = view;
  // It may have more by now.
  if (ending === null) return { status: 'live' };
  return {
    status: 'ended',
    ended_reason: ending.reason,
    closed_by: ending.closedBy,
    close_code: ending.code,
    close_reason: ending.closeReason,
  };
}
