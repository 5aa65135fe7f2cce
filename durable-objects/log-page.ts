/** The log in pages of bounded size, for another recorder that reads it at its own pace. */
import { LIMITS } from '../session/limits.ts';
import { EVERYTHING, type LoggedEvent, readEvents } from '../storage/events.ts';
import { LogPlace } from '../storage/frame-log.ts';
import { logAccess } from './give-way.ts';
import type { Reading } from './reading.ts';

export interface LogPage {
  readonly events: readonly LoggedEvent[];
  /** The number after which the next page begins; null: there is none. */
  readonly next: number | null;
}

export async function pageResponse({ query: asked, store }: Reading): Promise<Response> {
  const after = Number(asked.get('after'));
  const events: LoggedEvent[] = [];
  let bytes = 0;
  let next: number | null = null;
  for await (const event of readEvents(store, new LogPlace(after), EVERYTHING, logAccess())) {
    if (events.length >= LIMITS.pageEvents || bytes >= LIMITS.pageBytes) {
      next = events.reduce((last, each) => Math.max(last, each.seq), after);
      break;
    }
    events.push(event);
    if (event.kind === 'frame') bytes += event.text?.length ?? event.base64?.length ?? 0;
  }
  return Response.json({ events, next } satisfies LogPage);
}

/** Null when there is no such session any more. */
export async function readPage(recorder: Fetcher, after: number): Promise<LogPage | null> {
  const response = await recorder.fetch(`https://recorder.parley.internal/log-page?after=${after}`);
  if (response.status !== 200) return null;
  return await response.json<LogPage>();
}
